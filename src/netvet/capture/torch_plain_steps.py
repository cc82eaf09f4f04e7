"""The plainest steps of a program that sleeps: one optimizer, one loss on the CPU before it, nothing else.

A step of a small network has filled the caches of the processor by its end, so that each object which is touched then
has to be fetched from memory: what counts is not how much a hook computes but how much it looks at. For steps that go
on as all before them have, it looks at next to nothing; the first that is unlike them is heard in the usual way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from netvet.capture.torch_events import Session

# Fewer such steps in a row are not worth the change.
FEWEST = 4


class PlainSteps:
    """A stretch of steps that are only counted, and of losses that are only kept.

    Args:
        idle: steps of each optimizer in sleep; what a stretch has counted is added to it.

    Attributes:
        optimizer: the only one that steps, while a stretch goes on; None else.
        until: the step at which the stretch ends.
        nested: a step inside a step has been seen: no program for this.
    """

    __slots__ = ("_began", "_idle", "_last", "_losses", "_session", "heard", "nested", "optimizer", "until")

    def __init__(self, session: Session, idle: dict[Optimizer, int]) -> None:
        self._session = session
        self._idle = idle
        self.optimizer: Optimizer | None = None
        self.until = self._began = 0
        self.nested = False
        self._last = -1
        self._losses: list[tuple[int, float]] = []
        self.heard = self._make_heard()

    def enter(self, optimizer: Optimizer) -> None:
        """Begin a stretch, which lasts until something is due, if this program is one for it."""
        session = self._session
        free = min(session.left, session.always_on.free_steps)
        if free >= FEWEST and self._is_plain(optimizer):
            self.until, self._began, self._last = session.step + free, session.step, -1
            self.optimizer = optimizer

    def _is_plain(self, optimizer: Optimizer) -> bool:
        session = self._session
        if self.nested or len(session.steps_of) != 1 or session.always_on.only_place is None:
            return False
        return all(p.is_cpu for group in optimizer.param_groups for p in group["params"][:1])

    def leave(self) -> None:
        """End the stretch, if one goes on."""
        optimizer, self.optimizer = self.optimizer, None
        if optimizer is not None:
            steps = self._session.step - self._began
            self._idle[optimizer] = self._idle.get(optimizer, 0) + steps
            losses, self._losses[:] = self._losses.copy(), []
            self._session.always_on.after_plain(steps, losses)

    def _make_heard(self) -> Callable[[Any], bool]:
        session, losses = self._session, self._losses

        def heard(loss: Any) -> bool:
            """Keep the loss that a backward call begins with; false where it is not as ever: none is kept then."""
            step = session.step
            if self.optimizer is None or step == self._last or type(loss) is not torch.Tensor:
                return False
            try:
                value: Any = loss.tolist()
            except Exception:  # PyTorch will say it better, a moment later
                return False
            if type(value) is not float or value - value != 0.0:  # NaN and infinity are looked at closely
                return False
            self._last = step
            losses.append((step, value))
            return True

        return heard
