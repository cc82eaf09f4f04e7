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

    What a step touches lies in one list, `Session.stretch`: the only optimizer that steps (None: no stretch goes on),
    steps counted, how many there may be, and the count when a loss was last kept.

    Args:
        idle: steps of each optimizer in sleep; what a stretch has counted is added to it.

    Attributes:
        nested: a step inside a step has been seen: no program for this.
    """

    def __init__(self, session: Session, idle: dict[Optimizer, int]) -> None:
        self._session = session
        self._stretch = session.stretch
        self._idle = idle
        self.nested = False
        # Of each loss the count of its step, and its value: in pairs they would be work for the garbage collector.
        self._counts: list[int] = []
        self._values: list[float] = []

    @property
    def optimizer(self) -> Optimizer | None:
        """The only one that steps, while a stretch goes on."""
        found: Optimizer | None = self._stretch[0]
        return found

    def enter(self, optimizer: Optimizer) -> None:
        """Begin a stretch, which lasts until something is due, if this program is one for it."""
        session = self._session
        free = min(session.left, session.always_on.free_steps)
        if free >= FEWEST and self._is_plain(optimizer):
            self._stretch[:] = [optimizer, 0, free, -1]

    def _is_plain(self, optimizer: Optimizer) -> bool:
        session = self._session
        if self.nested or len(session.steps_of) != 1 or session.always_on.only_place is None:
            return False
        return all(p.is_cpu for group in optimizer.param_groups for p in group["params"][:1])

    def leave(self) -> None:
        """End the stretch, if one goes on."""
        optimizer, steps = self._stretch[:2]
        if optimizer is None:
            return
        session, began = self._session, self._session.step - steps
        self._stretch[:] = [None, 0, 0, -1]
        session.step = began + steps
        session.left -= steps
        self._idle[optimizer] = self._idle.get(optimizer, 0) + steps
        losses = [(began + count, value) for count, value in zip(self._counts, self._values, strict=True)]
        self._counts.clear()
        self._values.clear()
        session.always_on.after_plain(steps, losses)

    def before(self, slow: Callable[..., Any]) -> Callable[..., Any]:
        """A hook before each step, which calls another where the step is none of a stretch."""
        stretch = self._stretch

        def begin(optimizer: Optimizer, args: Any = (), kwargs: Any = None) -> Any:
            if stretch[0] is optimizer and len(args) < 2 and not kwargs:
                return None
            return slow(optimizer, args, kwargs)

        return begin

    def behind(self, slow: Callable[..., Any]) -> Callable[..., Any]:
        """A hook after each step, which counts those of a stretch, and calls another for the last of them."""
        stretch = self._stretch

        def end(optimizer: Optimizer, args: Any = (), kwargs: Any = None) -> Any:
            if stretch[0] is optimizer:
                stretch[1] += 1
                if stretch[1] < stretch[2]:
                    return None
            return slow(optimizer, args, kwargs)

        return end

    def backward(self, original: Callable[..., Any], slow: Callable[..., Any]) -> Callable[..., Any]:
        """The function of backward calls, which keeps their losses; what is not as ever goes to another function."""
        stretch, counts, values = self._stretch, self._counts, self._values

        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            count = stretch[1]
            if stretch[0] is not None and count != stretch[3] and type(tensors) is torch.Tensor:
                try:
                    value: Any = tensors.tolist()
                except Exception:  # PyTorch will say it better, a moment later
                    value = None
                if type(value) is float and value - value == 0.0:  # NaN and infinity are looked at closely
                    stretch[3] = count
                    counts.append(count)
                    values.append(value)
                    return original(tensors, *args, **kwargs)
            return slow(tensors, *args, **kwargs)

        return backward
