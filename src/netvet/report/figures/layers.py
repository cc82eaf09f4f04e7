"""Heat maps of the numbers of parameters and layers over the training steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from netvet.core import Facts
from netvet.report.figures import Source
from netvet.report.figures.pool import both_signs, chosen, decades, grid_of
from netvet.report.figures.spec import Base, Figure, Scale, heat
from netvet.report.figures.thin import Buckets, Values, buckets_of


def share(values: Values, label: str, unit: str) -> Scale:
    """The scale of shares, whatever the values."""
    return {"label": label, "unit": unit, "scale": "linear", "low": 0.0, "high": 1.0}


def cosine(values: Values, label: str, unit: str) -> Scale:
    """The scale of cosines, whatever the values."""
    return {**share(values, label, unit), "low": -1.0}


@dataclass(frozen=True, slots=True)
class Map:
    """A heat map of one signal.

    Attributes:
        rows: what its rows are. scale: makes its colours from the values.
        stands: what was measured holds until the next look; False for what is recorded only where it happened.
    """

    signal: str
    title: str
    quantity: str
    about: str
    unit: str
    rows: str = "parameters"
    scale: Callable[[Values, str, str], Scale] = decades
    stands: bool = True


MAPS = (
    Map(
        "param_grad_norm", "Gradient norm of each parameter", "gradient norm",
        "L2 norm of the gradient, as the optimizer sees it. Healthy: similar colours from the first to the last row, "
        "at all times; a row at the lowest colour learns nothing, a bright column is a spike.",
        "loss/weight",
    ),
    Map(
        "update_ratio", "Update of each parameter over its size", "update over size",
        "Norm of one step's change over the norm of the parameter. Healthy by a rule of thumb: about 1e-3; far above, "
        "the rate is too high for this parameter, far below, it hardly moves.",
        "1",
    ),
    Map(
        "param_norm", "Norm of each parameter", "norm",
        "L2 norm of the weights. Healthy: slow changes that come to rest; a row that keeps growing has nothing that "
        "holds it.",
        "weight",
    ),
    Map(
        "param_std", "Spread of each parameter", "std of the elements",
        "Standard deviation of the elements. Healthy: weights of like layers have like colours; a parameter at the "
        "lowest colour is constant.",
        "weight",
    ),
    Map(
        "grad_cosine", "Agreement of successive gradients", "cosine",
        "Cosine between the gradients of two successive steps. Healthy: near 0 or above; steadily near -1 the steps "
        "jump to and fro (rate too high), steadily near 1 they all point the same way (rate may be higher).",
        "1", scale=cosine,
    ),
    Map(
        "non_finite_grads", "Gradients that are not finite", "elements that are not finite",
        "Number of NaN or infinite elements of the gradient, at the steps where there were any. Healthy: no such "
        "picture at all.",
        "elements", stands=False,
    ),
    Map(
        "activation_std", "Spread of each layer's output", "std of the output",
        "Standard deviation of the output in training. Healthy: about the same in all layers, and steady.",
        "activation", "layers",
    ),
    Map(
        "activation_mean", "Mean of each layer's output", "mean of the output",
        "Mean of the output in training. Healthy: small beside the spread, and steady; a drift pushes activations "
        "into saturation or death.",
        "activation", "layers", both_signs,
    ),
    Map(
        "dead_unit_share", "Dead units of each layer", "dead units",
        "Share of units (channels) that are zero for every sample of the batch. Healthy: near 0; units at 1 for good "
        "get no gradient any more.",
        "share", "layers", share,
    ),
    Map(
        "saturated_unit_share", "Saturated units of each layer", "saturated units",
        "Share of units that sit in the flat part of tanh or sigmoid for most samples. Healthy: near 0; saturated "
        "units pass almost no gradient on.",
        "share", "layers", share,
    ),
    Map(
        "attention_entropy", "Entropy of each attention layer", "entropy",
        "Mean entropy of the attention weights of the lowest head, over that of even attention. Healthy: between the "
        "ends; at 0 each query looks at one key only, at 1 at all alike.",
        "share of log(keys)", "layers", share,
    ),
    Map(
        "attention_max_logit", "Largest attention logit of each layer", "largest logit",
        "Largest score before the softmax. Healthy: below about 50, and steady; growth ends in attention to one key "
        "and in spikes of the loss.",
        "1", "layers",
    ),
)  # fmt: skip


def map_of(source: Source, signal: str) -> Iterator[Figure]:
    """The heat map of a signal of parameters or layers, if it was recorded."""
    one = next(one for one in MAPS if one.signal == signal)
    rows = in_order(source, buckets_of(source, signal), one.rows)
    if rows:
        yield drawn(one, rows, getattr(source, "named", frozenset()))


def in_order(source: Source, rows: dict[str, Buckets], kind: str) -> dict[str, Buckets]:
    """Rows as the model defines them; names that the run does not list follow in their own order."""
    facts = source.get("parameters" if kind == "parameters" else "modules")
    listed = [str(record.get("name")) for record in facts] if isinstance(facts, Facts) else []
    known = [name for name in dict.fromkeys(listed) if name in rows]
    return {name: rows[name] for name in (*known, *(name for name in rows if name not in set(known)))}


def drawn(one: Map, rows: dict[str, Buckets], named: Collection[str] = ()) -> Figure:
    """The heat map of one signal; `named`: rows that findings speak of."""
    shown = chosen(rows, named)
    steps, values, width = grid_of(list(shown.values()), log=one.scale is decades, stands=one.stands)
    about = [one.about]
    if len(shown) < len(rows):
        about.append(
            f"{len(shown)} of {len(rows)} {one.rows}: an even choice by depth, those that stand out most, "
            "and those that findings speak of."
        )
    if width > 1:
        about.append(f"A column is {width} steps and shows the value farthest from what is usual for its row.")
    if one.stands and len(steps) < (int(steps[-1]) - int(steps[0])) // width + 1:
        about.append("Not every step is looked at: a column stands until the next look.")
    base: Base = {
        "id": one.signal.replace("_", "-"), "title": one.title, "about": " ".join(about), "signals": [one.signal],
    }  # fmt: skip
    scale = one.scale(values, one.quantity, one.unit)
    return heat(base, list(shown), steps.tolist(), values, scale, family=one.rows)
