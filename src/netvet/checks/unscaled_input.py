"""Inputs of a size that the initial weights were not made for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Record, Series, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="mean or spread [input units]",
    explained_by=("non-finite-input", "wrong-dtype"),
    fixes={
        "standardise": "Subtract the mean and divide by the std of each feature, fitted on the training data.",
        "scale-pixels": "Divide pixels by 255, once.",
        "outliers": "Find the samples with the largest values; where a division made them, add a floor to the divisor.",
        "input-norm": "Let a batch norm be the first layer.",
    },
)
def unscaled_input(
    inputs: Facts,
    modules: Facts | None = None,
    activation_std: LayerSeries | None = None,
    initial_loss: Facts | None = None,
    *,
    large: float = 50.0,  # mean or std; raw pixels have about 80, raw tables hundreds
    raised: float = 10.0,  # catalogue; from here on where the first loss is too high as well
    lonely: float = 50.0,  # times the std: one value in 2,500 makes all of the spread; a normal one reaches 5
    small: float = 0.02,  # largest value at all; pixels that are divided by 255 twice have 0.004
) -> Iterator[Finding]:
    """What enters the net is far larger or smaller than 1, with no norm layer behind it.

    ## Why it matters
    Initial weights keep values of size 1 at size 1. Inputs of size 100 give outputs and gradients of size 100: the
    first losses are huge, or one feature drowns all others. Inputs of size 0.001 leave nothing but the biases.

    ## Example
    >>> from netvet.core import Facts
    >>> pixels = {"mean": 72.0, "std": 81.0, "min": 0.0, "max": 255.0}
    >>> where = {"model": "Net", "position": 0, "phase": "train", "dtype": "float32", "shape": [32, 64]}
    >>> sick = Facts.of({**where, **pixels})
    >>> unscaled_input(sick)[0].message
    'input 0 of Net has mean 72 and std 81 (from 0 to 255) where the initial weights expect a std near 1'

    ## Known problems
    Token ids, counts of time and integer images that the model itself converts are no features; a first norm layer
    puts the scale right, and so does a model that scales inside (its first layer then has outputs of size 1). Sparse
    inputs have a small std but values of 1. All are silent.

    ## References
    LeCun et al., Efficient BackProp (1998), 4.3; measured on the digits: scaled twice 0.08, x 10,000 0.90, for 0.93.
    """
    wrong_start = any((number(r, "ratio") or 0) > 2 for r in initial_loss or ())
    for record in (r for r in inputs.where(phase="train") if not r.get("raw")):  # a program scales what is in files
        mean, std, low, high = (number(record, f) for f in ("mean", "std", "min", "max"))
        shape = list(record.get("shape") or ())
        is_float = str(record.get("dtype")).removeprefix("torch.").startswith(("float", "bfloat"))
        if mean is None or std is None or low is None or high is None or not is_float or high <= low:
            continue
        if record.get("integral") and int(np.prod(shape[1:] or [1])) < 4:  # times, ids
            continue
        size, reach = max(abs(mean), std), max(abs(low), abs(high))
        uneven = _uneven(record)
        too_large = size > large or (size > raised and (wrong_start or uneven > 100))
        if not too_large and not (reach < small and std < small):
            continue
        first = _first_layer(record, modules)
        if "Norm" in str(first.get("cls")):
            continue
        series = activation_std.get(str(first.get("name"))) if activation_std else None
        outliers = reach > lonely * std and std > large
        after = _activation(series, outliers)
        if too_large and after is not None and after < 0.05 * size:
            continue
        what = f"input {record.get('position')} of {record.get('model')} has mean {mean:.3g} and std {std:.3g}"
        more = ": a few outliers make nearly all of it" if outliers else ""
        more += f", its features differ in std by a factor of {uneven:.2g}" if uneven > 100 else ""
        message = f"{what} (from {low:.3g} to {high:.3g}{more}) where the initial weights expect a std near 1"
        sure = 0.8 if wrong_start or after is not None or uneven > 100 or reach < small else 0.6
        limit, place = large if too_large else small, location_of(record, "scale", "")
        yield Finding(message, str(record.get("model")), 0, size, limit, place, confidence=sure)


def _activation(series: Series | None, outliers: bool) -> float | None:
    """Std of the first layer's output: at first, or the largest, as outliers come with a later batch in most runs."""
    seen = (series.values if outliers else series.values[:1]) if series is not None else np.zeros(0)
    return float(seen.max()) if len(seen) and np.isfinite(seen).all() else None


def _uneven(record: Record) -> float:
    """Largest over smallest std of the features of a table (0: not known)."""
    stds = np.asarray(record.get("feature_std") or (), dtype=float)
    stds = stds[np.isfinite(stds) & (stds > 1e-12)]
    return float(stds.max() / stds.min()) if len(stds) > 1 and len(record.get("shape") or ()) == 2 else 0.0


def _first_layer(record: Record, modules: Facts | None) -> Record:
    """The first layer with parameters, or norm, that runs in the model."""
    own = [m for m in modules or () if m.get("model") == record.get("model") and m.get("is_leaf")]
    layers = [m for m in own if number(m, "parameters") or "Norm" in str(m.get("cls"))]
    return min(layers, key=_order, default={})


def _order(module: Record) -> float:
    order = number(module, "order")
    return np.inf if order is None else order
