"""How far two runs with different seeds lie apart, and what lies further."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from netvet.core import Series

Numbers = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

# Chance that any of the places looked at in two runs of the same configuration lies beyond the noise.
ALPHA = 0.01
# The first steps one by one, then places this much apart: neighbours say nearly the same.
FIRST_STEPS, GROWTH = 12, 1.15
# Training with another seed is now faster, now slower: what one run does at step t the other may do between t / WARP
# and t * WARP, one step more at the very start.
WARP = 1.5
# Values of one run that are taken together: successive steps are not independent of each other.
MOST_INDEPENDENT = 9
# Zero has no logarithm: what is this far below the usual size stands for it.
TINY = 1e-9
# The standard error of a median over that of a mean.
MEDIAN_LOSS = 1.25
# What the prior spread counts against that of further good runs, in runs.
PRIOR_RUNS = 2.0


@dataclass(frozen=True, slots=True)
class Beyond:
    """The first place of a series where the bad run leaves the good ones.

    Args:
        step: step of the bad run.
        good: usual value of the good runs there; bad: of the bad one.
        sigmas: distance in standard deviations of the noise; infinite for NaN and infinity.
    """

    step: int
    good: float
    bad: float
    sigmas: float


@dataclass(frozen=True, slots=True)
class _Course:
    """A series at its places: local medians, how many values each has, and the noise of one value."""

    steps: Steps
    levels: Numbers
    counts: Numbers
    spread: float


def places(steps: Steps) -> Steps:
    """The steps at which a series is looked at: the first ones, then in growing distances."""
    chosen, last = [], -1.0
    for index, step in enumerate(steps.tolist()):
        if index < FIRST_STEPS or step >= last * GROWTH:
            chosen.append(step)
            last = step
    return np.asarray(chosen, np.int64)


def critical(tests: int) -> float:
    """Sigmas that one of so many places passes by chance with a probability of `ALPHA` (Bonferroni)."""
    return NormalDist().inv_cdf(1 - ALPHA / (2 * max(tests, 1)))


def first_beyond(
    goods: Sequence[Series], bad: Series, *, prior: tuple[float, float], limit: float, logarithmic: bool
) -> Beyond | None:
    """Where a series of the bad run first lies beyond those of the good runs.

    Args:
        goods: the same series of one or more good runs.
        bad: of the bad run.
        prior: expected standard deviation between runs that differ only by their seed, of the logarithm or the value:
            in the first steps, and later.
        limit: sigmas beyond which a place counts.
        logarithmic: compare ratios.
    """
    broken = _broken(goods, bad)
    scale = max((float(np.median(np.abs(g.finite().values))) for g in goods if len(g.finite())), default=0.0)
    left = [_course(g, scale, logarithmic) for g in goods]
    right = _course(bad, scale, logarithmic)
    if right is None or None in left:
        return broken
    whole = [c for c in left if c is not None]
    last = max(int(c.steps[-1]) for c in whole) * WARP
    found: list[tuple[int, float, int]] = []
    for i, step in enumerate(right.steps.tolist()):
        if step <= last:
            found.append((step, _sigmas(whole, right, i, prior[step > FIRST_STEPS]), i))
    for n, (step, sigmas, i) in enumerate(found):
        # Once more at the next place, unless the run ends there: a single spike is no course.
        if sigmas > limit and (n + 1 == len(found) or found[n + 1][1] > limit / 2):
            if broken is not None and broken.step <= step:
                return broken
            i = _onset(whole, right, i, prior, limit)
            step = int(right.steps[i])
            usual = float(np.median([np.median(_window(c, step)[0]) for c in whole]))
            return Beyond(
                step, _back(usual, scale, logarithmic), _back(float(right.levels[i]), scale, logarithmic), sigmas
            )
    return broken


def _onset(goods: Sequence[_Course], bad: _Course, i: int, prior: tuple[float, float], limit: float) -> int:
    """The place at which a difference begins: leaving room for faster and slower runs finds it late."""
    while i > 0 and _sigmas(goods, bad, i - 1, prior[int(bad.steps[i - 1]) > FIRST_STEPS], warp=1.0) > limit:
        i -= 1
    return i


def _broken(goods: Sequence[Series], bad: Series) -> Beyond | None:
    """The first NaN or infinity, where the good runs had none."""
    wrong = np.flatnonzero(~np.isfinite(bad.values))
    if not len(wrong) or any(not np.isfinite(g.values).all() for g in goods):
        return None
    step = int(bad.steps[wrong[0]])
    near = goods[0].values[np.argmin(np.abs(goods[0].steps - step))] if len(goods[0]) else math.nan
    return Beyond(step, float(near), float(bad.values[wrong[0]]), math.inf)


def _back(value: float, scale: float, logarithmic: bool) -> float:
    if not logarithmic:
        return value
    return 0.0 if value <= math.log(_floor(scale)) + 1e-9 else math.exp(value)


def _floor(scale: float) -> float:
    return max(scale * TINY, 1e-300)


def _course(series: Series, scale: float, logarithmic: bool) -> _Course | None:
    known = series.finite()
    if not len(known):
        return None
    values = known.values
    if logarithmic:
        values = np.log(np.maximum(np.abs(values), _floor(scale)))
    at = places(known.steps)
    low = np.searchsorted(known.steps, np.floor(at / math.sqrt(GROWTH)), "left")
    high = np.searchsorted(known.steps, np.ceil(at * math.sqrt(GROWTH)), "right")
    alone = at <= FIRST_STEPS
    low = np.where(alone, np.searchsorted(known.steps, at), low)
    high = np.where(alone, low + 1, high)
    levels = np.array([np.median(values[a:b]) for a, b in zip(low, high, strict=True)])
    return _Course(at, levels, np.minimum(high - low, MOST_INDEPENDENT).astype(np.float64), _spread(values))


def _spread(values: Numbers) -> float:
    """Noise of single values, from neighbours; the tails count where they are heavier than normal ones."""
    if len(values) < 3:
        return 0.0
    jumps = np.abs(np.diff(values))
    return float(max(np.median(jumps) / 0.6745, np.quantile(jumps, 0.95) / 1.96) / math.sqrt(2))


def _window(course: _Course, step: int, warp: float = WARP) -> tuple[Numbers, Numbers]:
    """Levels of a run where it may be while the other is at a step, and their standard errors; never empty."""
    room = 0 if step == 0 or warp == 1 else 1
    low, high = step / warp - room, step * warp + room
    chosen = (course.steps >= low) & (course.steps <= high)
    if not chosen.any():
        chosen = np.abs(course.steps - step) == np.abs(course.steps - step).min()
    return course.levels[chosen], MEDIAN_LOSS * course.spread / np.sqrt(course.counts[chosen])


def _sigmas(goods: Sequence[_Course], bad: _Course, i: int, tau: float, warp: float = WARP) -> float:
    """Distance of the bad run from the good ones at one of its places, in standard deviations."""
    step, level = int(bad.steps[i]), float(bad.levels[i])
    windows = [_window(c, step, warp) for c in goods]
    low = min(float(w.min()) for w, _ in windows)
    high = max(float(w.max()) for w, _ in windows)
    distance = max(low - level, level - high, 0.0)
    if len(goods) == 1:
        # The other way round too: which of the two is ahead of the other is not known.
        around, _ = _window(bad, step, warp)
        middle = float(np.median(windows[0][0]))
        distance = min(distance, max(float(around.min()) - middle, middle - float(around.max()), 0.0))
    own = MEDIAN_LOSS * bad.spread / math.sqrt(bad.counts[i])
    others = float(np.mean([e.mean() for _, e in windows]))
    between = _between([float(np.median(w)) for w, _ in windows], tau)
    noise = math.sqrt(own**2 + others**2 / len(goods) + between**2 * (1 + 1 / len(goods)))
    return distance / noise if noise > 0 else (math.inf if distance > 0 else 0.0)


def _between(levels: Sequence[float], tau: float) -> float:
    """Standard deviation between runs: the prior, moderated by what further good runs show."""
    if len(levels) < 2:
        return tau
    k = len(levels)
    return math.sqrt((PRIOR_RUNS * tau**2 + (k - 1) * float(np.var(levels, ddof=1))) / (PRIOR_RUNS + k - 1))
