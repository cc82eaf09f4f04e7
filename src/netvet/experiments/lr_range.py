"""Which learning rates this network learns at, and which one to take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from netvet.core import NetvetError
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab, OutOfTime
from netvet.experiments.lr_curve import Curve, Valley, smooth, valley_of
from netvet.experiments.paired import compare
from netvet.experiments.trial import Result, Trial

# From a rate at which nothing moves to one at which nothing holds, for SGD as for Adam (Smith 2017 and fast.ai: to
# 10); a ramp ends by itself where the loss is lost.
ENDS = [1e-6, 10.0]
RAMP, LEAST_RAMP = 120, 24
# Of the time, what ramps may take; and what a step of theirs costs in steps: the untouched weights go forward too.
RAMP_SHARE, BESIDE = 0.4, 1.34
STEPS, LEAST = 200, 10
# The pre-flight of a large network has a minute in all; this is its part of it, in seconds.
SECONDS = 20.0
# Rates that are trained at: half decades around the steepest place of the curve.
SPACING = math.sqrt(10.0)
AROUND, FEW = (-1, 0, 1, 2), (0, 1)
# The best of the rates tried may lie at an end of them: then one more is tried, so many times.
EXTENSIONS = 4
# A rate is as good as the best if its loss has fallen as far but for this share.
AS_GOOD = 0.05
# And next to equal for this share.
EQUAL = 0.02
# A program's rate is off if in the same steps it has reached less than this share of what the recommended rate has, at
# every seed: it does not learn. A rate that is only slower comes to more, and may be meant for a longer training.
REACHED = 0.05
# A low rate is the right one for a long training; it must be this many times below the good ones to be too low.
OFF = 10.0
# A schedule that rises by so much begins with a warm-up.
WARMING = 1.5
SHARED = {"constant-lr": True}


@dataclass(frozen=True)
class Tried:
    """Short trainings at one constant rate: the loss at their end, one for each seed."""

    rate: float
    ends: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Infinite where one has diverged."""
        return sum(self.ends) / len(self.ends)


@dataclass(frozen=True)
class RateRange:
    """What a range test has found.

    Args:
        best: the recommended rate; `low` to `high`: rates that are as good or nearly so.
        own: what the program's own optimizer begins with, or warms up to.
        start: mean loss of the first step.
        steps, seeds: of the trials at constant rates.
    """

    best: float
    low: float
    high: float
    own: float
    start: float
    curve: Curve
    valley: Valley
    tried: tuple[Tried, ...]
    steps: int
    seeds: tuple[int, ...]

    def record(self) -> dict[str, Any]:
        """JSON types."""
        return {
            "recommended": self.best, "interval": [self.low, self.high], "own": self.own, "start": self.start,
            "steepest": self.valley.steepest, "valley": [self.valley.low, self.valley.high], "steps": self.steps,
            "curve": self.curve.record(), "tried": [{"rate": t.rate, "losses": list(t.ends)} for t in self.tried],
        }  # fmt: skip


def find_rate(lab: Lab) -> RateRange | str:
    """Do a range test and confirm it; the reason where there is no valley.

    Raises:
        NetvetError: the optimizer has no learning rate, or copies cannot be trained.
    """
    own, until = _own_rate(lab), perf_counter() + min(SECONDS, lab.seconds_left)
    seeds, ramp = _ramp(lab.seeds, (until - perf_counter()) / lab.step_seconds)
    _require_time(lab)
    base = {**SHARED, "lr-ramp": ENDS, "beside-untouched": True}
    results = lab.run([Trial(ramp, seed, base, scores=False) for seed in seeds])
    _require_trained(results)
    rates = np.geomspace(ENDS[0], ENDS[1], ramp).tolist()
    curve = smooth(rates, [r.extra.get("gaps", ()) for r in results])
    valley = valley_of(curve) if curve is not None else None
    if curve is None or valley is None:
        return "no valley: the loss falls at no learning rate from 1e-06 to 10 by more than chance"
    steps = _steps(results, until - perf_counter(), len(seeds) * (len(AROUND) + 2))
    tried = _confirm(lab, valley.steepest, steps, seeds, until)
    start = sum(r.start for r in results) / len(results)
    if not min(t.mean for t in tried) < start:
        return f"no valley: at none of {len(tried)} constant rates near {valley.steepest:.2g} does the loss fall"
    best, low, high = _chosen(tried, start)
    return RateRange(best, low, high, own, start, curve, valley, tuple(tried), steps, seeds)


def _own_rate(lab: Lab) -> float:
    rate = lab.problem.lr
    if rate is None or type(lab.problem.optimizer(lab.problem.learner(0).model)).__name__ == "LBFGS":
        raise NetvetError("the optimizer takes no steps of a learning rate's length: there is nothing to range over")
    # A schedule may begin with a warm-up: what counts is the highest rate that it reaches.
    return rate * max(lab.problem.rates, default=1.0)


def _require_time(lab: Lab) -> None:
    needed = (BESIDE * LEAST_RAMP + LEAST * (len(FEW) + 2)) * lab.step_seconds
    if needed > lab.seconds_left:
        raise OutOfTime(
            f"a range test would take {needed:.0f} s here, {lab.seconds_left:.0f} s are left (--budget gives more)"
        )


def _ramp(seeds: tuple[int, ...], affordable: float) -> tuple[tuple[int, ...], int]:
    """Seeds and steps of the ramps: a slow network has one seed."""
    for some, steps in ((seeds, RAMP), (seeds, RAMP // 2), (seeds[:1], RAMP // 2)):
        if RAMP_SHARE * affordable > BESIDE * steps * len(some):
            return some, steps
    return seeds[:1], LEAST_RAMP


def _steps(ramps: Sequence[Result], seconds: float, trials: int) -> int:
    """How many steps a trial may take, by what the ramps took; in halves, so that a resumed study finds the same."""
    step = sum(r.seconds for r in ramps) / max(1, sum(len(r.losses) for r in ramps)) / BESIDE
    steps = STEPS
    while steps > LEAST and steps * trials * step > seconds:
        steps //= 2
    return max(LEAST, steps)


def _require_trained(results: Sequence[Result]) -> None:
    failed = next((r for r in results if r.ended == "failed"), None)
    if failed is not None:
        raise NetvetError(f"a copy of the model could not be trained: {failed.error}")


def _confirm(lab: Lab, centre: float, steps: int, seeds: Sequence[int], until: float) -> list[Tried]:
    """Train shortly at constant rates around a place, and further where the best of them lies at an end."""
    around = AROUND if len(seeds) > 1 else FEW  # a slow network climbs down from two
    found = {n: _try(lab, centre * SPACING**n, steps, seeds) for n in around}
    for _ in range(EXTENSIONS):
        best = min(found, key=lambda n: found[n].mean)
        if best not in (min(found), max(found)) or perf_counter() > until:
            break
        further = best - 1 if best == min(found) else best + 1
        found[further] = _try(lab, centre * SPACING**further, steps, seeds)
    return [found[n] for n in sorted(found)]


def _try(lab: Lab, rate: float, steps: int, seeds: Sequence[int]) -> Tried:
    rate = float(f"{rate:.2g}")
    results = lab.run([Trial(steps, seed, {**SHARED, "lr-of-first": rate}, scores=False) for seed in seeds])
    _require_trained(results)
    return Tried(rate, tuple(r.tail() for r in results))


def _chosen(tried: Sequence[Tried], start: float) -> tuple[float, float, float]:
    """The recommended rate, and the ends of the stretch around it that is as good.

    Of the rates that are next to equal the lowest: what is left between them goes away in a longer training, in which
    the noise of a high rate stays.
    """
    best = min(range(len(tried)), key=lambda i: tried[i].mean)
    depth = start - tried[best].mean
    low = high = best
    while low > 0 and tried[low - 1].mean <= tried[best].mean + AS_GOOD * depth:
        low -= 1
    while high + 1 < len(tried) and tried[high + 1].mean <= tried[best].mean + AS_GOOD * depth:
        high += 1
    lowest = next(i for i in range(low, best + 1) if tried[i].mean <= tried[best].mean + EQUAL * depth)
    return tried[lowest].rate, tried[low].rate, tried[high].rate


@experiment(stage="tune", title="learning rate", seconds=20, gate=False)
def lr_range(lab: Lab) -> Outcome:
    """Raise the learning rate from far too low to far too high, then train shortly at the rates where the loss fell.

    ## Why it matters
    The learning rate is the setting that matters most, and a good one differs by a factor of a thousand between
    networks and optimizers. Whatever else is tuned at a bad rate is tuned for nothing.

    ## How it is done
    A ramp in logarithmic steps from 1e-6 to 10 at each seed, schedule off, parameter groups in their proportions. From
    each loss that of the untouched weights on the same batch (and dropout) is taken away, so that what is left is what
    training has done and not which batch it was. The curve is smoothed over a quarter of a decade and over seeds. Where
    it falls by no more than chance lets it, there is "no valley" and no recommendation. Else short trainings
    at constant rates, half decades apart around the place of the steepest slope, decide: further rates are tried while
    the best lies at an end. The interval holds the rates whose loss has fallen as far, but for a twentieth.
    The program's own rate, with its schedule, is trained beside it (what a warm-up leads to, at a constant
    rate). It fails only where it does not learn at all (less
    than a twentieth of what the recommended rate reaches, at every seed); a rate that is slower is advised to change
    where a paired test shows the difference.

    ## Known problems
    Short trainings prefer high rates: a long training with a rate that is never lowered may want a third of the
    recommended one. Loaded weights are not called too low, and a rate that is warmed up to is neither called too low
    nor too high. A network that takes a second for a step is tried at one seed and for few steps.

    ## References
    Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3. Gugger (2018), "How do you find a
    good learning rate". Wu et al., "Understanding short-horizon bias" (2018). Cleveland (1979), local regression.
    """
    found = find_rate(lab)
    if isinstance(found, str):
        return Outcome("undetermined", found)
    steps, best = found.steps, next(t for t in found.tried if t.rate == found.best)
    # A warm-up would make a short trial slow: what is judged is the rate that it leads to.
    rising = max(lab.problem.rates, default=1.0) > WARMING * (lab.problem.rates or (1.0,))[0]
    change = {**SHARED, "lr-of-first": found.own} if rising else {}
    plain = lab.run([Trial(steps, seed, change, scores=False) for seed in found.seeds])
    _require_trained(plain)
    own = [r.tail() for r in plain]
    evidence = {**found.record(), "own_losses": own}
    low, high = f"{found.low:.2g}", f"{found.high:.2g}"
    good = f"rates {f'from {low} to {high} are' if low != high else f'near {low} alone are'} good"
    good += f", {found.best:.2g} is recommended"
    told = f"in {steps} steps the loss falls from {found.start:.3g} to {best.mean:.3g} there"
    suspect = None if rising else _suspect(found, best, own, pretrained=lab.problem.pretrained)
    if suspect:
        ended = f"{sum(own) / len(own):.3g}" if all(map(math.isfinite, own)) else "no number"
        return Outcome(
            "failed",
            f"the program's learning rate of {found.own:.2g} is {suspect[3:].replace('-', ' ')}: {good}; {told}, and "
            f"to {ended} at the program's own",
            evidence,
            f"Set the learning rate to {found.best:.2g}.",
            (suspect,),
        )
    return _compared(found, best, own, f"{good}; {told}", evidence)


def _suspect(found: RateRange, best: Tried, own: Sequence[float], *, pretrained: bool) -> str | None:
    """The check that the program's own rate speaks for: it does not learn where another rate does."""
    depth = found.start - best.mean
    if max((found.start - end) / depth for end in own) >= REACHED:
        return None
    if found.own > found.high:
        return "lr-too-high"
    return "lr-too-low" if found.own * OFF < found.low and not pretrained else None


def _compared(found: RateRange, best: Tried, own: Sequence[float], told: str, evidence: dict[str, Any]) -> Outcome:
    """What a paired test says of the recommended rate beside the program's own."""
    matters = AS_GOOD * (found.start - best.mean)
    pair = compare(best.ends, own)
    lost = not all(map(math.isfinite, own))
    verdict = pair.verdict(less_is_better=True, matters=matters) if pair is not None and not lost else None
    if pair is not None:
        evidence["comparison"] = pair.record()
    if lost or verdict == "better":
        beside = "has no number" if lost else f"is at {sum(own) / len(own):.3g}"
        message = f"{told}; with the program's own of {found.own:.2g} it {beside}"
        return Outcome("advice", message, evidence, f"Try a learning rate of {found.best:.2g}.")
    if found.low <= found.own <= found.high or verdict in ("no difference", "worse"):
        return Outcome("passed", f"the program's learning rate of {found.own:.2g} is a good one: {told}", evidence)
    return Outcome(
        "undetermined", f"{told}; whether the program's own of {found.own:.2g} is worse is not clear", evidence
    )
