"""Outcomes of changes that were screened, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from netvet.experiments.experiment import Outcome
from netvet.experiments.paired import Comparison
from netvet.experiments.trial import Result
from netvet.experiments.validated import Measure, Screened, learns

# What is left of the error when a regulariser is switched off that ruins the training: less than half. Regularisers
# that are too strong by a little cost a few per cent.
RUINED = 0.5


def told(measure: Measure, found: Comparison) -> str:
    """A difference with its interval, signed."""
    digits = 3 - math.floor(math.log10(measure.matters))  # a thousandth of what matters is nothing
    values = (round(value, digits) + 0.0 for value in (found.effect, found.low, found.high))
    return "{:+.3g} [{:+.3g}, {:+.3g}]".format(*values)


def mean(measure: Measure, results: Sequence[Result]) -> float:
    """Mean of the best values."""
    return sum(measure.best(r) for r in results) / len(results)


def advice(screened: Screened, what: Callable[[str], str], *, kept: str, suspects: tuple[str, ...] = ()) -> Outcome:
    """Advice where the best change is better on fresh seeds.

    Args:
        what: says what a change of this name is, as an order ("drop 30% of ...").
        kept: says what the program does now ("dropout as it is").
    """
    measure, best = screened.measure, screened.best
    plain = f"validation {measure.name} {mean(measure, screened.arms['plain']):.3g} of {screened.steps} steps"
    tried = "; ".join(f"{name} {told(measure, one)}" for name, one in screened.compared.items())
    evidence = screened.evidence()
    if screened.verdict == "unripe":
        return Outcome(
            "undetermined",
            f"{plain} is not the end, and what regularises shows only there: {screened.unripe}",
            evidence,
        )
    if screened.verdict == "better" and best is not None and screened.confirmed is not None:
        gain = told(measure, screened.confirmed)
        order = what(best)
        return Outcome(
            "advice",
            f"{order[:1].lower()}{order[1:]}: {gain} of validation {measure.name} on {screened.confirmed.pairs} fresh "
            f"seeds ({plain} as it is)",
            evidence,
            f"{order[:1].upper()}{order[1:]}.",
            suspects,
        )
    if screened.verdict == "no better":
        said = f"{kept}: {plain}; no change does better by {measure.matters:.2g} or more ({tried})"
        return Outcome("passed", said, evidence)
    shown = screened.confirmed or (screened.compared[best] if best else None)
    gap = f"{best} {told(measure, shown)}" if shown is not None else "no change could be trained"
    return Outcome("undetermined", f"{plain}; the seeds do not decide whether a change is better ({gap})", evidence)


def ruins(screened: Screened, without: str) -> bool:
    """Switching a regulariser off more than halves the error, on training samples as on others, at every seed.

    Where training is only slower with it, the plain training is on its way down: it must have settled, or have come
    no further than where the other was after a tenth of the steps.
    """
    measure, plain, off = screened.measure, screened.arms["plain"], screened.arms[without]
    if not learns(measure, off) or any(r.ended in ("failed", "diverged") for r in off):
        return False
    pairs = list(zip(plain, off, strict=True))
    halved = all(
        0 <= _error(measure, b, s) < RUINED * _error(measure, a, s) for a, b in pairs for s in ("val", "train")
    )
    return halved and (not screened.unripe or all(_ten_times_slower(measure, a, b) for a, b in pairs))


def _error(measure: Measure, result: Result, split: str) -> float:
    """What a score lacks of one, or the loss itself: of one below zero nobody knows what a half of it is."""
    if split == "val":
        return measure.error(result)
    fit = (result.extra.get("validation") or {}).get("train") or {}
    value = fit.get("loss" if measure.less_is_better else "score")
    if value is None:
        return 0.0
    return float(value) if measure.less_is_better else 1.0 - float(value)


def _ten_times_slower(measure: Measure, slow: Result, fast: Result) -> bool:
    values = measure.values(fast)
    early = values[: max(2, len(values) // 10 + 1)]
    best = min(early) if measure.less_is_better else max(early)
    return measure.gain(best - measure.best(slow)) > 0
