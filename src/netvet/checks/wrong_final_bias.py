"""A last bias that starts far from the mean target."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number

_CLASSES, _BINARY = ("cross_entropy", "nll_loss"), ("binary_cross_entropy", "binary_cross_entropy_with_logits")
_SEVERITY: tuple[Severity, Severity] = ("note", "warning")
_CAUSES = (
    "unscaled-target", "constant-target", "missing-class", "badly-scaled-init", "unscaled-input", "unshuffled-data",
)  # fmt: skip


@check(
    stage="skeleton",
    kind="cause",
    severity="note",
    since="0.1",
    measures="first loss that the bias saves [share]",
    explained_by=_CAUSES,
    fixes={"final-bias": "Start the last bias at the mean target (regression) or at the log share of each class."},
)
def wrong_final_bias(
    final_bias: Facts,
    targets: Facts | None = None,
    *,
    share: float = 0.5,  # of the first loss that the right bias would save
    grave: float = 0.9,  # of it: nearly all of the first loss is only the missing mean
    gain: float = 0.2,  # nats or units: savings below are noise of one batch
    astray: float = 1.5,  # times the loss of an even guess: a zero bias would have been better
    rare: float = 0.05,  # share of the positives in a dense output (masks): RetinaNet starts them at 0.01
    fewest: int = 200,  # targets that make a share of a class
) -> Iterator[Finding]:
    """The first prediction is far from the mean target, which a bias alone could give.

    ## Why it matters
    The first steps only learn the mean (a loss curve like a hockey stick), and throw the other weights off.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = {"layer": "head", "loss_now": 2500.0, "loss_with_bias": 100.0, "predicted": [0.1], "wanted": [50.0]}
    >>> wrong_final_bias(Facts.of(sick))[0].message
    'head predicts 0.1 at first where the targets average 50: a right last bias takes the first loss from 2500 to 100'

    ## Known problems
    The first batch does not know the shares of the classes (it may hold one class only), nor the mean of numbers that
    come in order: they are taken from all targets of the run, and nothing is said where classes have few. A zero bias
    before classes that are unequal is common and soon mended: a note.

    ## References
    Karpathy, A Recipe for Training Neural Networks (2019): "init well"; Lin et al., arXiv:1708.02002, section 3.3.
    """
    for record in final_bias:
        now, then = number(record, "loss_now"), number(record, "loss_with_bias")
        if now is None or then is None or now <= 0 or then < 0:
            continue
        even, wanted, saved = number(record, "even"), _listed(record.get("wanted")), now - then
        target = next(iter((targets or Facts()).where(site=record.get("site"), phase="train")), {})
        if record.get("function") in (*_CLASSES, *_BINARY):
            wanted = _prior(record, target, fewest)
            # One batch that lacks a class would save more than all of them.
            saved = min(saved, _divergence(wanted, _listed(record.get("predicted"))))
            lost = even is not None and now > astray * even
            dense = (number(record, "values") or 1) > 1 and len(wanted) == 1
            severe = lost or (dense and min(wanted[0], 1 - wanted[0]) < rare)
        else:
            saved, wanted = _over_all(record, target, now, saved)
            severe = saved / now >= grave
        if saved < gain or saved / now < share:
            continue
        layer, severity = str(record.get("layer") or "") or None, _SEVERITY[bool(severe)]
        message = f"{_what(layer, record, wanted)}: a right last bias takes the first loss from {now:.4g} to "
        message, where = f"{message}{now - saved:.4g}", f"{layer}.bias" if layer else None
        place = location_of(record, "layer")
        yield Finding(message, where, 0, saved / now, share, place, {"saved": saved}, severity, 0.7)


def _over_all(record: Record, target: Record, now: float, saved: float) -> tuple[float, list[float]]:
    """What the mean of all targets would save of the first loss, and that mean, for one output."""
    wanted, predicted = _listed(record.get("wanted")), _listed(record.get("predicted"))
    mean, std = number(target, "mean"), number(target, "std")
    if mean is None or std is None or len(predicted) != 1 or len(wanted) != 1:
        return saved, wanted
    away, spread = (mean - predicted[0]) ** 2, std**2 + (number(target, "output_std") or 0.0) ** 2
    return min(saved, now * away / max(away + spread, 1e-12)), [mean]


def _listed(value: Any) -> list[float]:
    """One number or a list of them."""
    return [float(v) for v in (value if isinstance(value, list | tuple) else [value]) if isinstance(v, int | float)]


def _prior(record: Record, target: Record, fewest: int) -> list[float]:
    """Shares of the classes over the run (one output: of the positives); empty where too few targets were seen."""
    counts, mean = target.get("counts") or (), number(target, "mean")
    if (number(target, "samples") or 0) < fewest:
        return []
    if record.get("function") in _CLASSES:
        return [c / sum(counts) for c in counts] if sum(counts) else []
    return [mean] if mean is not None and 0 <= mean <= 1 and len(_listed(record.get("predicted"))) == 1 else []


def _divergence(wanted: list[float], predicted: list[float]) -> float:
    """Kullback-Leibler divergence of the predicted shares from the wanted ones, in nats."""
    if len(wanted) == 1:
        wanted, predicted = [wanted[0], 1 - wanted[0]], [predicted[0], 1 - predicted[0]]
    pairs = zip(wanted, predicted, strict=True) if len(wanted) == len(predicted) else ()
    return sum(w * math.log(w / max(q, 1e-12)) for w, q in pairs if w > 0)


def _what(layer: str | None, record: Record, wanted: list[float]) -> str:
    predicted = _listed(record.get("predicted"))
    if len(predicted) != 1 or len(wanted) != 1:
        return "the class shares at first are far from those of the targets"
    return f"{layer} predicts {predicted[0]:.3g} at first where the targets average {wanted[0]:.3g}"
