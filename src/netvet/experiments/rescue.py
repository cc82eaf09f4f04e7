"""Whether one change rescues a training that fails: the test that a cause must pass before it is named."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netvet.core import NetvetError
from netvet.experiments.experiment import Outcome
from netvet.experiments.lab import Lab
from netvet.experiments.learning import trained_score
from netvet.experiments.paired import ALPHA, compare
from netvet.experiments.simple import best_constant
from netvet.experiments.trial import Result
from netvet.experiments.validated import (
    LEAST,
    SHARE,
    Measure,
    fresh_seeds,
    is_whole,
    length,
    measure_of,
    require_validation,
    settled,
    trained,
)

# A training fails that learns less than this share of what the changed one does. Choices among which there is no wrong
# one differ by a few per cent of it (Schmidt, Schneider and Hennig, "Descending through a Crowded Valley", 2021).
FAILS = 0.7
# One that has come this far on the way from a constant answer to no error at all is no failure, whatever else would do.
LEARNED = 0.7
# A trial that is shorter than the program shows a failure only in what hardly learns at all: a slow start is none.
STUCK = 0.1
# Where a training ends: a net that swings is not as good as its best moment.
LAST = 0.25
# Failures show late in a training, and a script may take far more steps than were recorded: trials take so many where
# all of them together take no longer than this (in seconds).
MOST, PATIENCE = 1_500, 60.0
# A change that rescues a training brings it half of that way at least.
RESCUED = 0.5
# A program of which so few steps were recorded may have taken many more (on a busy machine only some are kept).
SHORT = 200
# Learning rates that the unchanged training gets too, as multiples of its own: what a rate mends is the rate's fault.
RATES = (0.1, 10.0)
# Of many rates so many get a whole training, by what they have learned after this part of one.
FINALISTS, SCREENED = 3, 4


@dataclass(frozen=True)
class Rescue:
    """What came of it.

    Args:
        verdict: `rescued`, `learns` (as it is), `other` (another change does it too), `unripe` (the trials were too
            short to call it a failure), `unsure` (the seeds differ too much), `no` (no change rescues it).
        name: of the change; `other`: under which the program's own training was best, empty for as it is.
        own, changed: validation score (or loss) of each seed.
    """

    verdict: str
    measure: str
    steps: int
    own: tuple[float, ...] = ()
    changed: tuple[float, ...] = ()
    name: str = ""
    other: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Scale:
    """How much of what there is to be learned a trial has learned."""

    measure: Measure
    constant: float

    def learned(self, result: Result, split: str) -> float:
        """Gain over a constant answer; zero for a training that diverged or is worse than that."""
        value = end_of(self.measure, result)
        if split == "train" and math.isfinite(value):
            fit = (result.extra.get("validation") or {}).get("train") or {}
            found = fit.get("loss" if self.measure.less_is_better else "score")
            value = math.nan if found is None else float(found)
        return max(0.0, self.measure.gain(value - self.constant)) if math.isfinite(value) else 0.0

    def is_learned(self, results: Sequence[Result], part: float) -> bool:
        """So much of the way to no error, in the mean; of a loss nobody knows how far it can fall."""
        gains = [self.learned(r, "val") for r in results]
        room = 0.0 if self.measure.less_is_better else 1.0 - self.constant
        return sum(gains) >= part * room * len(gains)

    def rescues(self, own: Sequence[Result], changed: Sequence[Result]) -> bool:
        """The one fails beside the other, at every seed, and the other is a training itself."""
        return max(self.shares(own, changed)) < FAILS and self.is_learned(changed, RESCUED)

    def shares(self, own: Sequence[Result], changed: Sequence[Result]) -> list[float]:
        """Of each seed."""
        return [self.share(a, b) for a, b in zip(own, changed, strict=True)]

    def share(self, own: Result, changed: Result) -> float:
        """What the one has learned of what the other has, on the samples where it is the larger share."""
        shares = []
        for split in ("val", "train"):
            most = self.learned(changed, split)
            shares.append(self.learned(own, split) / most if most > self.measure.matters else math.inf)
        return max(shares)


def end_of(measure: Measure, result: Result) -> float:
    """Mean of the last part of a validation curve; NaN for a training that diverged."""
    values = measure.values(result)
    last = values[-max(1, round(LAST * len(values))) :]
    return math.nan if result.ended in ("diverged", "failed") or not last else sum(last) / len(last)


def rescue(
    lab: Lab,
    changes: Mapping[str, Mapping[str, Any]],
    *,
    rates: Sequence[float] = RATES,
    others: Mapping[str, Mapping[str, Any]] | None = None,
) -> Rescue:
    """Train as it is and with each change until one rescues the training; then with what else could do so.

    Args:
        rates: multiples of the program's own learning rate.
        others: changes that would be to blame instead if they rescued the training too.

    Raises:
        NetvetError: nothing can be said: no validation data, or copies cannot be trained.
    """
    require_validation(lab)
    reached = trained_score(lab.problem)
    if reached is not None and reached[0] - reached[1] >= LEARNED * (1 - reached[1]):
        return Rescue("learns", "score", len(lab.problem.rates), (reached[0],))
    besides = {f"{rate:g} times the learning rate": {"lr-factor": rate} for rate in rates} | dict(others or {})
    beside = len(besides) if len(besides) <= FINALISTS else FINALISTS + len(besides) / SCREENED
    steps = _length(lab, len(lab.seeds) * (2 + len(changes)) + beside)
    plain = _require_trained(trained(lab, steps, {}))
    scale = _scale(lab, plain)
    if scale is not None and not scale.measure.less_is_better and scale.is_learned(plain, LEARNED):
        return Rescue(
            "learns", scale.measure.name, steps, _values(scale, plain), evidence={"curves": _curves({"own": plain})}
        )
    verdict, shares, curves = "no", dict[str, list[float | None]](), _curves({"own": plain})
    for name, change in changes.items():
        changed = _require_trained(trained(lab, steps, change))
        found = scale or _scale(lab, changed)
        if found is None:  # both diverge
            continue
        shares[name] = [None if math.isinf(s) else s for s in found.shares(plain, changed)]
        curves |= _curves({name: changed})
        if not found.rescues(plain, changed):
            continue
        if not _is_sure(found, plain, changed):  # a few pairs say little where seeds differ
            more = fresh_seeds(lab)
            plain = plain + _require_trained(trained(lab, steps, {}, more))
            changed = changed + _require_trained(trained(lab, steps, change, more))
        if found.rescues(plain, changed) and _is_sure(found, plain, changed):
            return _beside_others(lab, found, steps, name, (plain, changed), besides)
        verdict, plain = "unsure", plain[: len(lab.seeds)]
    own = () if scale is None else _values(scale, plain)
    evidence = {"shares": shares, "curves": curves}
    return Rescue(verdict, "loss" if scale is None else scale.measure.name, steps, own, evidence=evidence)


def _curves(arms: Mapping[str, Sequence[Result]]) -> dict[str, Any]:
    """Validation curves of each seed, for a picture."""
    return {name: [dict(r.extra.get("validation") or {}) for r in some] for name, some in arms.items()}


def _length(lab: Lab, trials: float) -> int:
    """Steps of each of so many trials.

    Raises:
        OutOfTime: there is no time for them.
    """
    least = length(lab, trials)
    seconds = min(PATIENCE, SHARE * lab.seconds_left)
    affordable = int(seconds / trials / lab.step_seconds)
    return max(least, min(MOST, affordable // least * least))


def _require_trained(results: list[Result]) -> list[Result]:
    failed = next((r for r in results if r.ended == "failed"), None)
    if failed is not None:
        raise NetvetError(f"a copy of the model could not be trained: {failed.error}")
    return results


def _scale(lab: Lab, results: Sequence[Result]) -> _Scale | None:
    """None where every training diverged."""
    whole = [r for r in results if r.ended != "diverged"]
    if not whole:
        return None
    measure = measure_of(whole)
    if measure.less_is_better:
        return _Scale(measure, sum(measure.values(r)[0] for r in whole) / len(whole))
    constant = best_constant(lab.problem)
    return _Scale(measure, 0.0 if constant is None else constant)


def _values(scale: _Scale, results: Sequence[Result]) -> tuple[float, ...]:
    return tuple(end_of(scale.measure, r) for r in results)


def _gains(scale: _Scale, results: Sequence[Result]) -> list[float]:
    return [scale.learned(r, "val") for r in results]


def _is_sure(scale: _Scale, own: Sequence[Result], changed: Sequence[Result]) -> bool:
    pair = compare(_gains(scale, changed), _gains(scale, own))
    return pair is not None and pair.effect > 2 * scale.measure.matters and pair.low > 0 and pair.p < ALPHA


def _beside_others(
    lab: Lab,
    scale: _Scale,
    steps: int,
    name: str,
    twins: tuple[list[Result], list[Result]],
    besides: Mapping[str, Mapping[str, Any]],
) -> Rescue:
    """The same comparison with the program's own training as it comes furthest: at another rate, say."""
    plain, changed = twins
    ends = {"": scale.learned(plain[0], "val")}
    for other in _promising(lab, scale, steps, besides):
        ends[other] = scale.learned(_require_trained(trained(lab, steps, besides[other], lab.seeds[:1]))[0], "val")
    best, own = max(ends, key=lambda n: ends[n]), plain
    if best:
        seeds = (*lab.seeds, *fresh_seeds(lab))[: len(plain)]
        found = _require_trained(trained(lab, steps, besides[best], seeds))
        best, own = (best, found) if sum(_gains(scale, found)) > sum(_gains(scale, plain)) else ("", plain)
    shares = scale.shares(own, changed)
    pair = compare(_gains(scale, changed), _gains(scale, own))
    evidence = {
        "constant": scale.constant, "own": list(_values(scale, own)), "changed": list(_values(scale, changed)),
        "shares": [None if math.isinf(s) else s for s in shares], "gains": ends,
        "comparison": pair.record() if pair is not None else None,
        "curves": _curves({"own": own, "changed": changed}),
    }  # fmt: skip
    verdict = "rescued"
    if max(shares) >= FAILS or not _is_sure(scale, own, changed):
        verdict = "other"
    elif not _is_whole(lab, steps) and not _has_failed(scale, plain, shares):
        verdict = "unripe"
    return Rescue(
        verdict, scale.measure.name, steps, _values(scale, own), _values(scale, changed), name, best, evidence
    )


def _promising(lab: Lab, scale: _Scale, steps: int, besides: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Those that come furthest in a short training, where there are more than are worth a whole one each."""
    if len(besides) <= FINALISTS:
        return list(besides)
    short = max(LEAST, steps // SCREENED)
    found = {n: _require_trained(trained(lab, short, change, lab.seeds[:1]))[0] for n, change in besides.items()}
    return sorted(found, key=lambda n: -scale.learned(found[n], "val"))[:FINALISTS]


def _is_whole(lab: Lab, steps: int) -> bool:
    """As long as the program, of which a short record may have lost steps: unless its own end is known to be low."""
    return is_whole(lab, steps) and (steps >= SHORT or trained_score(lab.problem) is not None)


def _has_failed(scale: _Scale, plain: Sequence[Result], shares: Sequence[float]) -> bool:
    """In trials that are shorter than the program: it diverged, is at its end, or has hardly begun."""
    if any(r.ended == "diverged" for r in plain) or max(shares) < STUCK:
        return True
    return settled(scale.measure, plain)


def told(values: Sequence[float]) -> str:
    """The mean, of those that did not diverge."""
    finite = [v for v in values if math.isfinite(v)]
    return f"{sum(finite) / len(finite):.3g}" if len(finite) == len(values) and finite else "no number"


def outcome(found: Rescue, *, what: str, does: str, order: str, suspect: str) -> Outcome:
    """In words.

    Args:
        what: is suspected ("sigmoid between the layers"); `does`: the change ("with {} in their place").
        order: the one thing to do.
        suspect: the check that a rescue speaks for.
    """
    evidence = {"steps": found.steps, "rescue": found.verdict, "change": found.name, **found.evidence}
    now = f"validation {found.measure} {told(found.own)} after {found.steps} steps"
    if found.verdict == "learns":
        learned = f"the training learns as it is (validation {found.measure} {told(found.own)})"
        return Outcome("passed", f"{what}: {learned}", evidence)
    if found.verdict in ("no", "unsure"):
        if found.verdict == "unsure":
            return Outcome("undetermined", f"{what}: {now}; the seeds do not agree on what a change does", evidence)
        return Outcome("passed", f"{what}: {now}, and a change of it does not rescue the training", evidence)
    better = f"{does.format(found.name)} {told(found.changed)}"
    if found.verdict == "unripe":
        later = "a longer training may get there too (--budget gives more)"
        return Outcome("undetermined", f"{what}: {now}, {better}; {later}", evidence)
    with_other = f" with {found.other}" if found.other else ""
    if found.verdict == "other":
        first = f"Try {found.other} first." if found.other else ""
        return Outcome("undetermined", f"{what}: {now}{with_other}, {better}: it is not the only way", evidence, first)
    pair = found.evidence["comparison"]
    span = f"(difference {pair['effect']:+.2g}, 95 %: {pair['low']:+.2g} to {pair['high']:+.2g})"
    return Outcome("failed", f"{what}: {now}{with_other}, {better} {span}", evidence, order, (suspect,))
