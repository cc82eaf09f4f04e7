"""A penalty, a term of the outputs alone or weight decay that pulls harder than the data."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from netvet.core import Facts, Finding, LayerSeries, Record, Series, check, location_of
from netvet.stats import change, is_blind, norm_left, number

# Weight decay is taken off the weights directly, in proportion to the learning rate, and not added to the gradient.
_DECOUPLED = ("AdamW", "NAdamW", "Adafactor", "Lion", "LAMB", "Muon", "SGDW")
_Rates = dict[str, tuple[float, Series]]


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="pull of the penalty over that of the data [times]",
    fixes={
        "less-weight-decay": "Lower the weight decay 10 to 1000 times; usual are 1e-5 to 1e-3 (decoupled up to 0.1).",
        "lower-penalty": "Lower its coefficient until its gradient is well below that of the data; reduce both alike.",
    },
)
def regularisation_dominates(
    optimizers: Facts,
    loss: LayerSeries | None = None,
    loss_terms: Facts | None = None,
    param_norm: LayerSeries | None = None,
    param_grad_norm: LayerSeries | None = None,
    update_ratio: LayerSeries | None = None,
    lr: LayerSeries | None = None,
    input_ablation: Facts | None = None,
    *,
    ratio: float = 10.0,  # catalogue: penalty against data, by gradient norm
    uneven: float = 3.0,  # a term of the outputs against data, where the net has lost its input
    pressure: float = 0.5,  # decay against data, in the step; healthy runs have 0.001 to 0.1
    shrunk: float = 0.7,  # norms must have followed: at the noise floor of SGD decay alone is far slower
    collapsed: float = 0.2,  # of a typical layer's norm left: with no use of the input, an even pull is enough
    learned: float = 0.5,  # a run that halved its loss does learn, grokking with strong decay among them
) -> Iterator[Finding]:
    """The regularisation pulls harder on the weights than the data does.

    ## Why it matters
    Then small weights are the real objective, and predictions shrink towards a constant.

    ## Example
    >>> from netvet.core import Facts
    >>> terms = Facts.of({"is_data": True, "grad_norm": 0.5}, {"is_data": False, "term": "sum", "grad_norm": 40.0})
    >>> regularisation_dominates(Facts(), loss_terms=terms)[0].message
    'the penalty (sum) has a gradient of 40 against 0.5 of the data loss, 80 times as much'

    ## Known problems
    Strong decay with a loss that is learned (grokking), norms that shrink in front of batch norm: silent, as both must
    show it. Terms of the outputs alone (the KL of a VAE) count as data unless the trained net ignores its input.

    ## References
    Loshchilov and Hutter, arXiv:1711.05101 (coupled and decoupled decay); digits with decay 1.0: 2.31 to 2.30.
    """
    blind, norms = is_blind(input_ablation), param_norm or LayerSeries({})
    lost = blind and norm_left(param_norm) < collapsed
    yield from _penalties(loss_terms or Facts(), 1.0 if lost else ratio, uneven if blind else math.inf)
    moved = [m for m in (change(s) for s in (loss or {}).values()) if m is not None and m.last > learned * m.first]
    for optimizer in optimizers if moved else ():
        rates = _decays(optimizer, lr or LayerSeries({}), norms)
        fall = [float(s.values[-1] / s.values[0]) for s in (norms[n].finite() for n in rates) if s.values[0] > 0]
        decoupled = optimizer.get("cls") in _DECOUPLED
        seen = (update_ratio if decoupled else param_grad_norm) or LayerSeries({})
        pull = _pressure(rates, norms, seen, decoupled=decoupled)
        if not fall or pull is None or pull < pressure or (left := float(np.median(fall))) > shrunk:
            continue
        name, decay, worst = optimizer.get("name"), max(r[0] for r in rates.values()), moved[0]
        message = f"weight decay {decay:g} of {name} pulls {pull:.2g} times as hard as the data: weights shrank to "
        message += f"{left:.0%} of their norm while the loss went from {worst.first:.3g} to {worst.last:.3g}"
        yield Finding(message, name, 0, pull, pressure, location_of(optimizer), {"weight_decay": decay})


def _penalties(terms: Facts, ratio: float, uneven: float) -> Iterator[Finding]:
    """Terms of the loss whose gradient is far above that of all data terms together."""
    for term in [t for t in terms if False in (t.get("is_data"), t.get("compares"))]:
        mine = [t for t in terms if t.get("backward") == term.get("backward") and t.get("is_data") is True]
        inner, norm = term.get("is_data") is not False, number(term, "grad_norm")
        what, limit = ("term of the outputs alone", uneven) if inner else ("penalty", ratio)
        norms = (number(t, "grad_norm") or 0.0 for t in mine if not inner or t.get("compares") is not False)
        if norm is not None and (total := math.hypot(*norms)) > 0 and norm > limit * total:
            message = f"the {what} ({term.get('term')}) has a gradient of {norm:.3g} "
            message += f"against {total:.3g} of the data loss, {norm / total:.3g} times as much"
            yield Finding(message, term.get("backward"), 0, norm / total, limit, location_of(term))


def _decays(optimizer: Record, lr: LayerSeries, norms: LayerSeries) -> _Rates:
    """Weight decay and learning rate of each parameter that is decayed and whose norm is known."""
    found: _Rates = {}
    for index, group in enumerate(optimizer.get("groups") or ()):
        decay, names = number(group, "weight_decay") or 0.0, group.get("names") or ()
        rates = lr.get(f"{optimizer.get('name')}/{index}") or Series.of([number(group, "lr") or 0.0])
        found.update({n: (decay, rates) for n in names if decay > 0 and n in norms and len(norms[n].finite()) > 1})
    return found


def _pressure(rates: _Rates, norms: LayerSeries, steps: LayerSeries, *, decoupled: bool) -> float | None:
    """Pull of the decay over that of the data, all parameters together: the larger of its start and its median."""
    sums: dict[int, npt.NDArray[np.float64]] = {}
    for name, (decay, lr) in rates.items():
        weight = dict(zip(norms[name].steps.tolist(), norms[name].values.tolist(), strict=True))
        seen = (steps.get(name) or Series.of([])).finite()
        for step, value in zip(seen.steps.tolist(), seen.values.tolist(), strict=True):
            norm = weight.get(step, math.nan)
            # What is left of the update without the decay is the data's share; the two are nearly orthogonal.
            rate = decay * float(np.interp(step, lr.steps, lr.values)) if decoupled else decay
            data = np.sqrt(max(value * value - rate * rate, 0.0)) * norm if decoupled else value
            if np.isfinite(norm):
                sums[step] = sums.get(step, np.zeros(2)) + np.square([rate * norm, data])
    pulls = [math.sqrt(sums[s][0] / sums[s][1]) for s in sorted(sums) if sums[s][1] > 0]
    return max(float(np.median(pulls[:5])), float(np.median(pulls))) if pulls else None
