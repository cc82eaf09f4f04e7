"""A loss that is summed where it should be averaged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Record, Severity, check, location_of
from netvet.stats import change, course, number

# Their step is proportional to the gradient; Adam and its kin divide the scale out.
_SCALE_SENSITIVE = ("SGD", "ASGD")
_NOTE: Severity = "note"


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "mean": "Average the loss over the batch (reduction='mean').",
        "divide-accumulated": "Divide the loss of every micro-batch by the number of micro-batches.",
        "lower-lr": "If the sum is wanted, divide the learning rate by the number of summed samples.",
    },
)
def unreduced_loss(
    losses: Facts,
    optimizers: Facts,
    loss_contract: Facts | None = None,
    accumulation: Facts | None = None,
    loss: LayerSeries | None = None,
    update_ratio: LayerSeries | None = None,
    lr_probe: Facts | None = None,
    *,
    huge: float = 0.1,  # updates of a tenth of the weight, a hundred times the healthy 1e-3 (torchmortem's band)
    fall: float = 0.05,  # a loss that fell by less than this has not been learned
) -> Iterator[Finding]:
    """The gradient grows with the number of samples, because the loss is summed and not averaged.

    ## Why it matters
    A sum over 64 samples, or over 64 micro-batches, makes the gradient 64 times as large as a mean. For SGD that is the
    same as a learning rate too large by this factor.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> loss = Facts.of({"phase": "train", "function": "cross_entropy", "reduction": "sum", "batch": 64})
    >>> sgd = Facts.of({"name": "SGD", "cls": "SGD", "steps": 300})
    >>> unreduced_loss(loss, sgd, loss=LayerSeries.of(a=[2.3] + [float("nan")] * 20))[0].message
    'cross_entropy is summed over 64 samples: SGD takes steps 64 times as large; the loss became NaN or infinite'

    ## Known problems
    Adam and its kin are indifferent to the scale of the loss: silent. A small rate may have been chosen for the sum:
    without harm (a loss that does not fall, huge updates, a far lower rate that does better) it is a note.

    ## References
    Goyal et al., arXiv:1706.02677, 2.1 (learning rate and batch size); transformers PR 34191 (accumulation).
    """
    if not (sensitive := [o for o in optimizers if o.get("cls") in _SCALE_SENSITIVE and o.get("steps")]):
        return
    harm = _harm(loss, update_ratio, lr_probe, huge, fall)
    name = sensitive[0].get("name", "SGD")
    for record in losses:
        batch = number(record, "batch")
        if record.get("phase") != "eval" and batch and batch > 1 and _summed(record, loss_contract):
            what = f"{record.get('function', 'the loss')} is summed over {batch:g} samples"
            yield _finding(record, record.get("site"), f"{what}: {name}", harm, batch)
    for record in accumulation or ():
        count = number(record, "micro_batches")
        mine = record.get("optimizer") in (None, *(o.get("name") for o in sensitive))
        if count and count > 1 and mine and record.get("divided") is False and not record.get("scale_invariant"):
            what = f"the losses of {count:g} micro-batches are added up without dividing by {count:g}: {name}"
            yield _finding(record, record.get("optimizer"), what, harm or _added_up(loss, lr_probe, count, fall), count)


def _finding(record: Record, where: str | None, what: str, harm: str | None, factor: float) -> Finding:
    message = f"{what} takes steps {factor:g} times as large" + (f"; {harm}" if harm else "")
    place, note = location_of(record, "created", ""), None if harm else _NOTE
    return Finding(message, where, 0, factor, 1.0, place, severity=note, confidence=0.9 if harm else 0.5)


def _summed(record: Record, contract: Facts | None) -> bool:
    """The loss that reaches backward is a sum: the sum was seen, and nothing divides it afterwards."""
    probe = next((r for r in contract or () if r.get("site") == record.get("site")), {})
    scaling, share = number(probe, "batch_scaling"), number(record, "share")
    if record.get("feeds_backward") is False or (share is not None and not 0.5 < share < 1.5):
        return False
    # Doubling the batch doubles the gradient of a sum.
    return record.get("reduction") == "sum" if scaling is None else 1.8 < scaling < 2.2


def _added_up(loss: LayerSeries | None, probe: Facts | None, count: float, fall: float) -> str | None:
    """The run learns nothing; copies that step on each batch do at the rate itself, but not at `count` times it."""
    seen = course(next(iter(loss.values()))) if loss and len(loss) == 1 else None
    tried = {m: v for r in probe or () for m, v in zip(r.get("multiples") or (), r.get("losses") or (), strict=False)}
    near = min(tried, key=lambda m: abs(m - count), default=1)
    own, far = tried.get(1) or np.inf, tried.get(near) or np.inf
    if seen is None or not 0.5 <= near / count <= 2 or not own < (1 - fall) * seen.start <= min(seen.end, far):
        return None
    copies = f"copies that step on each batch reached {own:.3g} at this rate, and failed at {near:g} times it"
    return f"the loss went from {seen.start:.3g} to {seen.end:.3g}; {copies}"


def _harm(
    loss: LayerSeries | None, ratios: LayerSeries | None, probe: Facts | None, huge: float, fall: float
) -> str | None:
    """What the size of the steps did to the run, in words; None when nothing bad was seen."""
    if any(not np.isfinite(s.values).all() for s in (loss or {}).values()):
        return "the loss became NaN or infinite"
    best = [b for b in (number(p, "best") for p in probe or ()) if b is not None]
    if best and min(best) >= 0.5:  # no lower rate does better, so the steps are not too large
        return None
    for moved in (change(s) for s in (loss or {}).values()):
        if moved is not None and moved.relative < fall:
            return f"the loss went from {moved.first:.3g} to {moved.last:.3g}"
    firsts = [float(np.median(s.values[:5])) for s in (r.finite() for r in (ratios or {}).values()) if len(s)]
    if firsts and float(np.median(firsts)) > huge:
        return f"the first updates change the weights by {float(np.median(firsts)):.0%}"
    return f"{min(best):g} times the learning rate does better" if best and min(best) <= 0.1 else None
