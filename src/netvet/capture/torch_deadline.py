"""How long a look at a copy may take: seconds of work, whatever else the machine does meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter, thread_time

import torch

# Work may take so many times its seconds by the wall clock, where other programs have the processor most of the time.
WAITING = 3.0


class Deadline:
    """Passed after so many seconds of work from now on, so that a busy machine sees as much as an idle one.

    Args:
        seconds: of work on this thread, or at most `WAITING` times as many by the wall clock.
        parameters: what is worked on. What an accelerator does is no work of this thread: there the wall clock counts.
    """

    def __init__(self, seconds: float, parameters: Iterable[torch.Tensor]) -> None:
        self._clock = thread_time if all(p.device.type == "cpu" for p in parameters) else perf_counter
        self._began, self._seconds = self._clock(), seconds
        self._latest = perf_counter() + WAITING * seconds

    @property
    def spent(self) -> float:
        """Seconds of work since the beginning."""
        return self._clock() - self._began

    @property
    def passed(self) -> bool:
        return self.spent > self._seconds or perf_counter() > self._latest
