"""The plainest steps of a program that sleeps: one optimizer, one loss on the CPU before it, nothing else.

A step of a small network has filled the caches of the processor by its end, so that each object which is touched then
has to be fetched from memory: what counts is not how much a hook computes but how much it looks at. For steps that go
on as all before them have, nothing is called that PyTorch would not call anyway, but for the function of backward: the
hooks of the optimizers are out, and steps are counted in an empty method of PyTorch's, which each step calls at its
end. The first step that is unlike the others is heard in the usual way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.optim import optimizer as optimizers
from torch.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from netvet.capture.torch_events import Session

# Fewer such steps in a row are not worth the change.
FEWEST = 4
# What each step calls at its end, and what runs then, unless the step is compiled: hooks that come and go would compile
# it again.
LAST = "_optimizer_step_code"
STEP_CODE = Optimizer.profile_hook_step(lambda: None).__code__


class StepHooks:
    """A pair of hooks at the steps of all optimizers, which can be out for a while."""

    def __init__(self, before: Callable[..., Any], behind: Callable[..., Any]) -> None:
        self._hooks = before, behind
        self._handles: list[Any] = []
        self.put_in()

    def put_in(self) -> None:
        """Put them in, if they are out."""
        if not self._handles:
            before, behind = self._hooks
            self._handles = [
                optimizers.register_optimizer_step_pre_hook(before),
                optimizers.register_optimizer_step_post_hook(behind),
            ]

    def take_out(self) -> None:
        """Take them out, if they are in."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    @property
    def alone(self) -> bool:
        """Nobody else has hooks there. While PyTorch goes through those of others, none may come or go."""
        own = len(self._handles) // 2
        return own == len(optimizers._global_optimizer_pre_hooks) == len(optimizers._global_optimizer_post_hooks)


class Coming(NamedTuple):
    """A stretch that is to begin: its optimizer, and its longest length."""

    optimizer: Optimizer
    free: int


class PlainSteps:
    """A stretch of steps that are only counted, and of losses that are only kept.

    What a step touches lies in one list, `Session.stretch`: the only optimizer that steps (None: no stretch goes on),
    steps counted, and how many there may be. A stretch begins with a backward call, the first after an `enter`.

    Args:
        idle: steps of each optimizer in sleep; what a stretch has counted is added to it.

    Attributes:
        nested: a step inside a step has been seen: no program for this.
        hooks: those of the optimizers, once there are any; out while a stretch goes on.
    """

    def __init__(self, session: Session, idle: dict[Optimizer, int]) -> None:
        self._session = session
        self._stretch = session.stretch
        self._idle = idle
        self.nested = False
        self.hooks: StepHooks | None = None
        self._coming: Coming | None = None
        # One of each step; that of the first was heard in the usual way, and only holds its place here.
        self._values: list[float] = []

    @property
    def optimizer(self) -> Optimizer | None:
        """The only one that steps, while a stretch goes on."""
        found = self._stretch[0]
        return found if isinstance(found, Optimizer) else None

    def enter(self, optimizer: Optimizer, code: Any = None) -> None:
        """Let a stretch begin with the next loss, if this program is one for it; it lasts until something is due.

        Args:
            code: what ran the step that has just ended.
        """
        session = self._session
        free = min(session.left - 1, session.always_on.free_steps)
        if free >= FEWEST and code is STEP_CODE and self._is_plain(optimizer):
            self._coming = Coming(optimizer, free)

    def _is_plain(self, optimizer: Optimizer) -> bool:
        session = self._session
        if self.nested or len(session.steps_of) != 1 or session.always_on.only_place is None:
            return False
        if LAST not in STEP_CODE.co_names or getattr(type(optimizer), LAST) is not getattr(Optimizer, LAST):
            return False  # its steps could not be counted
        return all(p.is_cpu for group in optimizer.param_groups for p in group["params"][:1])

    def begin(self, coming: Coming | None) -> None:
        """A loss was heard in the usual way: begin a stretch, if one was to come."""
        hooks, idle = self.hooks, self._stretch[0] is None
        if coming and idle and hooks is not None and hooks.alone and self._session.always_on.at_only_place:
            self._values[:] = [0.0]
            self._stretch[:] = [coming.optimizer, 0, coming.free]
            hooks.take_out()

    def leave(self, *, at_end: bool = False) -> Coming | None:
        """End the stretch, if one goes on; gives what was to come, which does not now unless it is begun.

        Args:
            at_end: a step is about to call the hooks behind it, and has called none yet.
        """
        coming, self._coming = self._coming, None
        optimizer, steps = self._stretch[:2]
        if optimizer is None:
            return coming
        began = self._session.step - steps
        # PyTorch may be going through hooks that others have put in meanwhile: then ours must wait.
        alone = self.hooks is None or self.hooks.alone
        waiting = not (alone or at_end) and _is_stepping(sys._getframe())
        self._stretch[:] = [self if waiting else None, 0, 0]
        if self.hooks is not None and not waiting:
            self.hooks.put_in()
        if optimizer is not self:
            self._hand_over(optimizer, began, steps)
        return coming

    def _hand_over(self, optimizer: Optimizer, began: int, steps: int) -> None:
        session = self._session
        session.step = began + steps
        session.left -= steps
        self._idle[optimizer] = self._idle.get(optimizer, 0) + steps
        losses = [(began + count, value) for count, value in enumerate(self._values)][1:]
        if len(self._values) > steps:  # further losses within this step are the optimizer's own search
            session.settled = _is_stepping(sys._getframe())
        self._values.clear()
        session.always_on.after_plain(steps, losses)

    def ended(self, late: Callable[[Optimizer], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Makes the method that each step calls at its end, before any hook: it counts the steps of a stretch.

        Args:
            late: told of the first step that is none of them, or one too many: the hooks behind it are called as ever.
        """
        stretch = self._stretch

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            # PyTorch's profiler knows the optimizer by the name of its argument.
            def ended(self: Optimizer) -> Any:
                if stretch[0] is None:
                    return original(self)
                if stretch[0] is self and stretch[1] < stretch[2]:
                    stretch[1] += 1
                else:
                    late(self)
                return None

            ended._torchdynamo_disable = True  # type: ignore[attr-defined]
            return ended

        return make

    def backward(self, original: Callable[..., Any], slow: Callable[..., Any]) -> Callable[..., Any]:
        """The function of backward calls, which keeps their losses; what is not as ever goes to another function."""
        stretch, values, plain = self._stretch, self._values, torch.Tensor

        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            if len(values) == stretch[1] < stretch[2] and type(tensors) is plain:  # one loss before each step
                try:
                    value: Any = tensors.tolist()
                except Exception:  # PyTorch will say it better, a moment later
                    value = None
                if type(value) is float and value - value == 0.0:  # NaN and infinity are looked at closely
                    values.append(value)
                    return original(tensors, *args, **kwargs)
            if stretch[0] is self:  # hooks that wait
                self.leave()
            return slow(tensors, *args, **kwargs)

        return backward


def _is_stepping(frame: FrameType | None) -> bool:
    """Whether a frame was called by the step of an optimizer, however far out."""
    while frame is not None and frame.f_code is not STEP_CODE:
        frame = frame.f_back
    return frame is not None
