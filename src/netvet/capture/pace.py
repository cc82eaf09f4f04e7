"""When the collectors are awake, so that what they cost stays under a share of the run time.

Everything is heard until a fixed time has been spent. From then on the collectors sleep, and wake for a window of a few
whole steps. What a window costs is what its steps take longer than sleeping ones: hooks and taps slow a program down in
places where no clock of theirs runs. No clock is read while they sleep.
"""

from __future__ import annotations

import math
import os
import statistics
from collections import deque
from dataclasses import dataclass
from time import perf_counter

# All of the first steps are heard, and as many more as this much time allows.
DENSE_STEPS = 100
GRACE_SECONDS = 3.0
# The first sleep only shows how long ordinary steps take; no sleep is so short that falling asleep costs more.
FIRST_SLEEP, MIN_SLEEP = 20, 10
# Whatever it costs, a window when the run is this much longer than at the last one, and at least one in so many steps.
GROWTH = 1.25
MAX_INTERVAL = 1000
# Of the budget: windows, and evaluations that wake the collectors before their time. The rest is for gradient norms
# between them.
WINDOW_SHARE, ROUSE_SHARE = 0.4, 0.4
# The first evaluations after the first sleep are seen whatever they cost.
ROUSE_SECONDS = 1.0
# Ranks of a distributed run must choose the same steps, so they choose by the step number alone: 1 step in 20 of a run.
SYMMETRIC_SHARE = 20


@dataclass(slots=True)
class _Moment:
    """A change between sleeping and waking. `cost`: seconds spent in collectors until then."""

    seconds: float
    step: int
    cost: float


class Pace:
    """Decides when the collectors sleep and for how long.

    Args:
        budget: share of wall time that windows may cost (0.01 is 1 %).
        every: a window at every so many steps instead, whatever it costs.
        symmetric: decide by the step number alone, as every rank of a distributed run does.
    """

    def __init__(self, budget: float, every: int | None = None, *, symmetric: bool | None = None) -> None:
        self.budget = budget
        self._every = every
        self.symmetric = int(os.environ.get("WORLD_SIZE", "1")) > 1 if symmetric is None else symmetric
        self._began = perf_counter()
        self._ordinary: deque[float] = deque(maxlen=15)
        self._slept: _Moment | None = None
        self._woke: _Moment | None = None
        self._debt = 0.0
        # Seconds that waking before the time has cost, and when the collectors first slept and were last roused.
        self._roused_cost = 0.0
        self._first_sleep: _Moment | None = None
        self._roused_step = 0

    @property
    def ordinary(self) -> float | None:
        """Seconds of a step while the collectors sleep; None before the first sleep."""
        return statistics.median(self._ordinary) if self._ordinary else None

    def tired(self, step: int, cost: float) -> bool:
        """Whether the collectors, awake, are to fall asleep after this step.

        Args:
            cost: seconds that the collectors have spent so far.
        """
        if step < DENSE_STEPS or (self._every is not None and self._every <= MIN_SLEEP):
            return False
        if self._every is not None or self.symmetric or self._slept is not None:
            return True
        return cost > max(GRACE_SECONDS, self.budget * (perf_counter() - self._began))

    def sleep(self, step: int, cost: float, *, whole: bool) -> int:
        """The collectors fall asleep; gives the number of steps until the next window.

        Args:
            whole: nothing but training steps has happened since they woke (no evaluation), so that the window's
                length tells what it cost.
        """
        now = _Moment(perf_counter(), step, cost)
        if self._woke is not None:
            spent = cost - self._woke.cost
            if not whole:
                self._roused_cost += spent
                self._roused_step = step
            elif self.ordinary is not None:
                longer = now.seconds - self._woke.seconds - (step - self._woke.step) * self.ordinary
                self._debt += max(spent, longer)
            else:
                self._debt += spent
        self._slept = now
        self._first_sleep = self._first_sleep or now
        return self._interval(step)

    def _interval(self, step: int) -> int:
        if self._every is not None:
            return self._every - step % self._every
        longest = min(MAX_INTERVAL, max(MIN_SLEEP, int((GROWTH - 1) * step)))
        if self.symmetric:
            return min(longest, max(MIN_SLEEP, step // SYMMETRIC_SHARE))
        if self.ordinary is None:
            return FIRST_SLEEP
        if self.budget <= 0:
            return longest
        return min(longest, max(MIN_SLEEP, math.ceil(self._debt / (WINDOW_SHARE * self.budget * self.ordinary))))

    def wake(self, step: int, cost: float) -> None:
        """The collectors wake."""
        now = _Moment(perf_counter(), step, cost)
        if self._slept is not None:
            seconds, steps = now.seconds - self._slept.seconds, step - self._slept.step
            if steps:
                self._ordinary.append(seconds / steps)
            self._debt = max(0.0, self._debt - WINDOW_SHARE * self.budget * seconds)
        self._woke = now

    def may_rouse(self, step: int) -> bool:
        """Whether something that the collectors would want to see is worth waking them before their time."""
        if self._first_sleep is None or step >= GROWTH * self._roused_step:
            return True
        elapsed = perf_counter() - self._first_sleep.seconds
        return self._roused_cost <= ROUSE_SECONDS + ROUSE_SHARE * self.budget * elapsed
