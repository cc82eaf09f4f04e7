"""The part of capture that knows no framework: what is written where, and which steps are looked at closely."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from netvet.store import RunWriter

P = ParamSpec("P")
T = TypeVar("T")

# The first steps show most faults (initial scale, symmetry, graph), so all of them are looked at closely.
DENSE_STEPS = 10
# Then every fifth, until this much time has been spent: short scripts are seen well, long ones stay in budget.
GRACE_INTERVAL = 5
GRACE_SECONDS = 0.5
# Whatever it costs, a deep look when the run is this much longer than at the last one, so that a slow machine sees how
# things went on too; and at least one in so many steps.
GROWTH = 1.25
MAX_INTERVAL = 1000


class Schedule:
    """Decides which steps are deep, holding the cost of deep steps under a share of the run time.

    Args:
        budget: share of wall time that deep steps may cost (0.01 is 1 %).
        every: look at every so many steps instead, whatever it costs.
        symmetric: decide by the step number alone, as every rank of a distributed run does.
    """

    def __init__(self, budget: float, every: int | None = None, *, symmetric: bool | None = None) -> None:
        self._symmetric = int(os.environ.get("WORLD_SIZE", "1")) > 1 if symmetric is None else symmetric
        self._budget = budget
        self._every = every
        self._began = perf_counter()
        self._last = 0
        self.spent = 0.0

    def deep(self, step: int) -> bool:
        """Whether this step is to be looked at closely."""
        if self._every is not None:
            return step % self._every == 0
        since = step - self._last
        chosen = step < DENSE_STEPS or since >= MAX_INTERVAL or step >= GROWTH * self._last
        if not chosen and since >= GRACE_INTERVAL:
            chosen = self._symmetric or self.spent < max(GRACE_SECONDS, self._budget * (perf_counter() - self._began))
        if chosen:
            self._last = step
        return chosen


class Recorder:
    """Writes what the collectors saw, and keeps their errors away from the training.

    A part of capture that raises is switched off for the rest of the run, with its reason.

    Attributes:
        cost: seconds spent in capture so far; `counting`: they are being counted by a caller already.
        once: of these, seconds of looks that are taken once in a run (probes).
        last_loss: the newest training loss; None before the first.
    """

    def __init__(self, writer: RunWriter, schedule: Schedule) -> None:
        self.writer = writer
        self.schedule = schedule
        self.switched_off: dict[str, str] = {}
        self.suspended = False
        self.cost, self.once, self.counting = 0.0, 0.0, False
        self.last_loss: float | None = None
        self._pid = os.getpid()

    @property
    def here(self) -> bool:
        """False while probes run and in forked children (loader workers): nothing is recorded then."""
        return not self.suspended and os.getpid() == self._pid

    def adopt(self, writer: RunWriter) -> None:
        """Record in this forked process from now on."""
        self.writer = writer
        self._pid = os.getpid()

    def value(self, step: int, signal: str, value: float, key: str | None = None) -> None:
        """Append one number to a signal."""
        if signal == "loss":
            self.last_loss = value
        self.writer.append(step, signal, value, key)

    def values(self, step: int, signal: str, values: Mapping[str, float]) -> None:
        """Append one number for each of several layers to a signal."""
        self.writer.append_many(step, signal, values)

    def block(
        self,
        steps: Sequence[int],
        signal: str,
        names: Sequence[str],
        values: npt.NDArray[np.float64],
        known: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Append numbers of several layers at several steps to a signal.

        Args:
            values: [steps, layers]; `known`: which of them there are, all without it.
        """
        if known is not None and not known.all():
            some: npt.NDArray[np.bool_] = np.any(known, axis=0)
            names = [name for name, is_known in zip(names, some.tolist(), strict=True) if is_known]
            values, known = values[:, some], known[:, some]
        if known is None or bool(known.all()):
            self.writer.append_block(steps, signal, names, values)
            return
        for step, row, told in zip(steps, values.tolist(), known.tolist(), strict=True):
            self.values(step, signal, {name: v for name, v, has in zip(names, row, told, strict=True) if has})

    def facts(self, signal: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Put the records of a signal in place of those written before."""
        self.writer.put_facts(signal, records)

    def missing(self, signal: str, reason: str) -> None:
        """Say why a signal will not come."""
        self.writer.explain_missing(signal, reason)

    def switch_off(self, part: str, error: Exception) -> None:
        """Note that a part of capture failed; it is left out from now on.

        Raises:
            Exception: the error itself, where NETVET_DEBUG is set.
        """
        self.switched_off[part] = f"{type(error).__name__}: {error}"
        if os.environ.get("NETVET_DEBUG"):
            raise error

    def guard(self, part: str, function: Callable[P, T]) -> Callable[P, T | None]:
        """The function, made harmless: on an error the part is switched off and None returned."""

        def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
            if part in self.switched_off:
                return None
            outer, self.counting = self.counting, True
            began = perf_counter()
            try:
                return function(*args, **kwargs)
            except Exception as error:
                self.switch_off(part, error)
                return None
            finally:
                self.counting = outer
                if not outer:
                    self.cost += perf_counter() - began

        return guarded
