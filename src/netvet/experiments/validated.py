"""Trials judged on validation data: what is judged, when it has settled, and changes that are tried and confirmed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netvet.core import NetvetError
from netvet.experiments import paired
from netvet.experiments.lab import Lab, OutOfTime
from netvet.experiments.paired import Comparison
from netvet.experiments.trial import Result, Trial

# Points of a validation curve: enough to see where it turns, few enough to cost less than the training.
POINTS = 12
# Steps of a trial where it is not known how many the program takes; the most and least for one that is known.
STEPS, MOST, LEAST = 400, 2_000, 40
# Seeds that a change which looked best is confirmed on: others than those that it was chosen by, so that the best of
# many tries is not taken for better. With five pairs the 95 % point of Student's t is 2.8 (with three it is 4.3).
CONFIRMED_ON = 5
# Smaller differences than these are of no use to anybody, however sure they are.
LEAST_SCORE, LEAST_SHARE = 0.005, 0.02
# A curve is settled when its last third has brought no more than what matters.
LAST = 2 / 3
# Of the steps of the program; a piece of a training can seem settled for a while.
LEAST_PART = 0.5
# Of the time that is left; the rest is for machines that become busy.
SHARE = 0.8

Curve = Mapping[str, Any]


@dataclass(frozen=True)
class Measure:
    """What is judged on validation data.

    Args:
        name: `accuracy`, `r2` or `loss`; `matters`: differences below this are none (scatter of the validation
            samples, or too small to be of use).
    """

    name: str
    matters: float

    @property
    def less_is_better(self) -> bool:
        """Of losses."""
        return self.name == "loss"

    def values(self, result: Result) -> list[float]:
        """Along the trial."""
        found = _curve(result)["loss" if self.less_is_better else "score"]
        return [math.nan if v is None else float(v) for v in found]

    def best(self, result: Result) -> float:
        """With early stopping."""
        values = [v for v in self.values(result) if math.isfinite(v)]
        if result.ended in ("diverged", "failed") or not values:
            return math.nan
        return min(values) if self.less_is_better else max(values)

    def error(self, result: Result) -> float:
        """What is left to gain, at best: the loss, or what the score lacks of one."""
        return self.best(result) if self.less_is_better else 1.0 - self.best(result)

    def gain(self, effect: float) -> float:
        """A difference with the sign of an improvement."""
        return -effect if self.less_is_better else effect


def _curve(result: Result) -> Curve:
    found: Curve = result.extra.get("validation") or {"steps": [], "loss": [], "score": [], "samples": 0, "name": None}
    return found


def fit_of(measure: Measure, result: Result) -> float | None:
    """Loss or score on training data at the end; None where it was not measured."""
    found = (_curve(result).get("train") or {}).get("loss" if measure.less_is_better else "score")
    return None if found is None else float(found)


def steps_of(result: Result) -> list[int]:
    """At which steps the curve was measured."""
    return [int(s) for s in _curve(result)["steps"]]


def require_validation(lab: Lab) -> None:
    """Nothing can be said of generalisation without data that are held out.

    Raises:
        NetvetError: there are none.
    """
    if lab.problem.val is lab.problem.train:
        raise NetvetError("there is no validation data")


def length(lab: Lab, trials: float, most: int = MOST) -> int:
    """Steps of each of so many trials: as many as the program takes, if that is known and affordable.

    Raises:
        NetvetError: the time is too short for any.
    """
    known = len(lab.problem.rates)
    wanted = min(max(known, LEAST), most) if known else min(STEPS, most)
    # Validation and the start of a trial cost time too: one trial tells it all.
    pilot = lab.run([validated(LEAST, lab.seeds[0], {})])[0]
    step = min(lab.step_seconds, pilot.seconds / LEAST)
    once = pilot.seconds - LEAST * step
    affordable = (SHARE * lab.seconds_left / max(trials, 1) - once) / max(step, 1e-6)
    if affordable < LEAST:
        raise OutOfTime(f"there is no time for trials of {LEAST} steps (--budget gives more)")
    if affordable >= wanted:
        return wanted
    # On a grid, so that experiments share the unchanged training.
    return int(LEAST * 2 ** (math.floor(2 * math.log2(max(1.0, affordable / LEAST))) / 2))


def is_whole(lab: Lab, steps: int) -> bool:
    """The program itself takes no more steps than the trial."""
    return 0 < len(lab.problem.rates) <= steps


def fresh_seeds(lab: Lab) -> range:
    """Seeds that nothing was chosen by."""
    return range(max(lab.seeds) + 1, max(lab.seeds) + 1 + CONFIRMED_ON)


def validated(steps: int, seed: int, changes: Mapping[str, Any]) -> Trial:
    """A trial with a validation curve."""
    return Trial(steps, seed, {**changes, "validate-every": max(1, steps // POINTS)}, scores=False)


def trained(lab: Lab, steps: int, changes: Mapping[str, Any], seeds: Sequence[int] | None = None) -> list[Result]:
    """Trials of one change at each seed."""
    return lab.run([validated(steps, seed, changes) for seed in (lab.seeds if seeds is None else seeds)])


def measure_of(plain: Sequence[Result]) -> Measure:
    """What these results can be judged by.

    Raises:
        NetvetError: the unchanged training failed.
    """
    for result in plain:
        if result.ended in ("failed", "diverged"):
            told = result.error or "it diverged"
            raise NetvetError(f"the unchanged program cannot be trained in a trial: {told}")
    curves = [_curve(r) for r in plain]
    samples = min(int(c["samples"]) for c in curves)
    if not samples:
        raise NetvetError("no validation loss could be measured")
    scored = all(c["name"] for c in curves) and all(v is not None for c in curves for v in c["score"])
    name = str(curves[0]["name"]) if scored else "loss"
    rough = Measure(name, 0.0)
    best = _mean([rough.best(r) for r in plain])
    if name == "accuracy":  # one standard error of a share among so many samples
        return Measure(name, max(LEAST_SCORE, math.sqrt(max(0.0, best * (1 - best)) / samples)))
    if name == "r2":  # relative error of a variance that is estimated from so many samples
        return Measure(name, max(LEAST_SCORE, (1 - best) * math.sqrt(2 / samples)))
    fall = abs(_mean([rough.values(r)[0] for r in plain]) - best)
    return Measure(name, max(LEAST_SHARE, 1 / math.sqrt(samples)) * fall + 1e-12)


def learns(measure: Measure, results: Sequence[Result]) -> bool:
    """Validation becomes better than it was at the start."""
    gains = [measure.gain(measure.best(r) - measure.values(r)[0]) for r in results if measure.values(r)]
    return bool(gains) and _mean(gains) > measure.matters


def settled(measure: Measure, results: Sequence[Result]) -> bool:
    """More steps would bring nothing that matters."""
    late = []
    for result in results:
        values = measure.values(result)
        early = values[: max(1, round(LAST * len(values)))]
        late.append(measure.gain(measure.best(result) - (min(early) if measure.less_is_better else max(early))))
    return bool(late) and _mean(late) < measure.matters


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def unripe(lab: Lab, measure: Measure, results: Sequence[Result], longer: int = 1) -> str:
    """Why trials were too short for what shows late in a training; empty where they were not.

    They may be as long as the program itself, or have settled after a good part of it.

    Args:
        longer: how many times its steps these trials would have to take.
    """
    steps, known = steps_of(results[0])[-1] // longer, len(lab.problem.rates)
    if is_whole(lab, steps):
        return ""
    if steps < LEAST_PART * known:
        return f"{steps} of the {known} steps of the program were affordable (--budget gives more)"
    if settled(measure, results):
        return ""
    return f"validation {measure.name} still gets better after {steps} steps (--budget gives more)"


@dataclass(frozen=True)
class Screened:
    """Changes tried on all seeds, and the best of them on other seeds.

    Args:
        arms: results by name, `plain` among them; best values are compared with early stopping in each.
        compared: differences of each change on the seeds that it was chosen by.
        best: name of the change that looked best; `confirmed`: its difference on other seeds; None where it was worse
            already, or could not be trained.
        unripe: why the trials were too short for a regulariser to show; empty where they were not.
    """

    measure: Measure
    steps: int
    arms: Mapping[str, Sequence[Result]]
    compared: Mapping[str, Comparison]
    best: str | None
    confirmed: Comparison | None
    unripe: str

    @property
    def verdict(self) -> str:
        """`better`, `no better`, `unripe` or `undecided`, of the best change."""
        if self.unripe:
            return "unripe"
        measure, found = self.measure, self.confirmed or self.compared.get(self.best or "")
        if found is None:
            return "undecided"
        low, high = sorted((measure.gain(found.low), measure.gain(found.high)))
        if self.confirmed is not None and measure.gain(found.effect) >= measure.matters and low > 0:
            return "better"
        return "no better" if high < 2 * measure.matters else "undecided"

    def evidence(self) -> dict[str, Any]:
        """JSON types."""
        return {
            "measure": self.measure.name, "matters": self.measure.matters, "steps": self.steps, "best": self.best,
            "confirmed": self.confirmed.record() if self.confirmed else None,
            "compared": {name: one.record() for name, one in self.compared.items()},
            "curves": {name: [dict(_curve(r)) for r in results] for name, results in self.arms.items()},
        }  # fmt: skip


def screen(
    lab: Lab,
    changes: Mapping[str, Mapping[str, Any]],
    *,
    longer: int = 1,
    off: str | None = None,
    steps: int | None = None,
) -> Screened:
    """Try changes beside the unchanged training.

    Args:
        longer: how many times the steps of the unchanged training those of the changes are (of smaller batches).
        off: name of the change without the program's own regulariser, which tells of ruin however short the trials.
        steps: of each trial, where they are chosen already.

    Raises:
        NetvetError: nothing can be said: no validation data, or nothing is learned with or without them.
    """
    require_validation(lab)
    steps = steps or length(lab, len(lab.seeds) * (1 + longer * len(changes)) + (1 + longer) * CONFIRMED_ON)
    arms = {"plain": trained(lab, steps, {})}
    measure = measure_of(arms["plain"])
    short = unripe(lab, measure, arms["plain"])
    if short:
        changes = {name: change for name, change in changes.items() if name == off}
    arms |= {name: trained(lab, steps * longer, change) for name, change in changes.items()}
    if not any(learns(measure, results) for results in arms.values()):
        raise NetvetError(f"validation {measure.name} does not improve in {steps} steps, with or without the changes")
    base = [measure.best(r) for r in arms["plain"]]
    made = {name: paired.compare([measure.best(r) for r in arms[name]], base) for name in changes}
    compared = {name: one for name, one in made.items() if one is not None}
    best = max(compared, key=lambda name: measure.gain(compared[name].effect), default=None)
    if best is not None:
        short = short or unripe(lab, measure, arms[best], longer)
    confirmed = None
    if best is not None and not short and measure.gain(compared[best].effect) > 0:
        confirmed = confirm(lab, measure, steps, changes[best], longer)
    return Screened(measure, steps, arms, compared, best, confirmed, short)


def confirm(lab: Lab, measure: Measure, steps: int, change: Mapping[str, Any], longer: int = 1) -> Comparison | None:
    """Compare one change with the unchanged training on seeds that nothing was chosen by."""
    seeds = fresh_seeds(lab)
    changed, plain = trained(lab, steps * longer, change, seeds), trained(lab, steps, {}, seeds)
    return paired.compare([measure.best(r) for r in changed], [measure.best(r) for r in plain])
