"""The tap at optimizers: the clock of a run, and all that is left of netvet in a step while the collectors sleep."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch.optim.optimizer import Optimizer

from netvet.capture.site import user_site
from netvet.capture.torch_events import Happening, Session, Step
from netvet.capture.torch_models import WeakIdMap
from netvet.capture.torch_patch import Patches, runs, untraced
from netvet.capture.torch_plain_steps import LAST, PlainSteps, StepHooks
from netvet.capture.torch_taps_loop import after

_NONE: dict[str, Any] = {}


class OptimizerTap:
    """The clock: emits step_begin and step_end for every optimizer, and counts the steps."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: WeakIdMap[str] = session.options.setdefault("optimizers", WeakIdMap())
        self._counts: dict[str, int] = {}
        # Ids of the optimizers that count, where the user named them.
        self.only: set[int] | None = None
        # Tell of a step; for steps that no hook hears of.
        self.before: Callable[..., Any]
        self.behind: Callable[[Optimizer], None]
        # The frame of the step that goes on, steps inside it, and whether a GradScaler leaves it out.
        self._stepping: FrameType | None = None
        self._inner = 0
        self._left_out = False
        # Steps of optimizers while the collectors sleep, until they are counted with the others.
        self._idle: dict[Optimizer, int] = {}
        self._plain = session.plain = PlainSteps(session, self._idle)
        session.add(self)

    part = "optimizer steps"

    def install(self, patches: Patches) -> None:
        """Hook into every optimizer's step, present and future."""
        self.before, self.behind = self._make_before(), self._make_behind()
        self._plain.hooks = StepHooks(untraced(self.before), untraced(self.behind))
        late = untraced(self._session.recorder.guard("sleep", self._late))
        patches.wrap(Optimizer, LAST, self._plain.ended(late))
        after(patches, self._session, Optimizer, "__init__", self._created)
        for owner in (Optimizer, torch.nn.Module):
            after(patches, self._session, owner, "zero_grad", _cleared, rests=True)

    # While the collectors sleep these two are what netvet adds to a step that is not a plain one; no clock runs there.

    def _make_before(self) -> Callable[..., Any]:
        session, plain = self._session, self._plain
        plan = session.recorder.guard("optimizer steps", self._plan)

        def before(optimizer: Optimizer, args: Any = (), kwargs: Any = _NONE) -> Any:
            plain.leave()
            if self.only is not None and id(optimizer) not in self.only:
                return None
            frame = sys._getframe(2)  # of the step
            if self._stepping is not None and runs(self._stepping, frame):
                self._inner += 1  # a step inside a step: of a base class, or of what a wrapper holds
                plain.nested = True
                return None
            self._inner = 0
            self._stepping, self._left_out = frame, _is_left_out(optimizer, asleep=session.asleep)
            session.settled = False
            if self._left_out:
                return None
            if session.asleep and not session.every_step and len(args) < 2 and not kwargs:
                session.always_on.begin(optimizer)
                session.settled = True
                if session.asleep:
                    return None
            return plan(optimizer, args, kwargs)

        return before

    def _make_behind(self) -> Callable[..., None]:
        session, plain = self._session, self._plain
        end = session.recorder.guard("optimizer steps", self._end)
        awaken = session.recorder.guard("sleep", self._awaken)
        enter = session.recorder.guard("sleep", plain.enter)

        def behind(optimizer: Optimizer, *_: Any) -> None:
            if self.only is not None and id(optimizer) not in self.only:
                return
            if self._inner:
                self._inner -= 1
                return
            frame, self._stepping, session.settled = self._stepping, None, False
            if self._left_out:
                return
            if not session.asleep or session.every_step:
                end(optimizer)
                return
            session.step += 1
            self._idle[optimizer] = self._idle.get(optimizer, 0) + 1
            session.left -= 1
            if session.left <= 0:
                awaken(optimizer)
            else:
                enter(optimizer, frame and frame.f_code)

        return behind

    def remove(self) -> None:
        """Take the hooks away again."""
        if self._plain.hooks is not None:
            self._plain.hooks.take_out()

    def name(self, optimizer: Optimizer) -> str:
        """Class of the optimizer, numbered where there are several."""
        name = self._names.get(optimizer)
        if name is None:
            cls = type(optimizer).__name__
            self._counts[cls] = self._counts.get(cls, 0) + 1
            name = cls if self._counts[cls] == 1 else f"{cls}#{self._counts[cls]}"
            self._names.set(optimizer, name)
        return name

    def _created(self, _result: None, args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[str, Happening]:
        if self._session.sleeper is not None:
            self._session.sleeper.new_phase()
        return "optimizer_created", Happening(args[0], user_site(), {"name": self.name(args[0])})

    def on_wake(self, _: None) -> None:
        """Count the steps that were taken in sleep."""
        for optimizer, steps in self._idle.items():
            name = self.name(optimizer)
            self._session.steps_of[name] = self._session.steps_of.get(name, 0) + steps
        self._idle.clear()

    on_report = on_finish = on_wake

    def _late(self, optimizer: Optimizer) -> None:
        """A step has ended that is none of a stretch of plain ones, and was not heard when it began."""
        session = self._session
        session.plain.leave(at_end=True)
        if session.asleep and (self.only is None or id(optimizer) in self.only):
            session.always_on.begin(optimizer)

    def _awaken(self, _optimizer: Optimizer) -> None:
        if self._session.recorder.here and self._session.sleeper is not None:
            self._session.sleeper.window(len(self._session.steps_of))

    def _event(self, optimizer: Optimizer) -> Step:
        scale = getattr(optimizer, "grad_scale", None)  # set by GradScaler for fused optimizers only
        site = None if self._session.asleep else user_site()
        return Step(optimizer, self.name(optimizer), site, float(scale) if scale is not None else 1.0)

    def _plan(self, optimizer: Optimizer, args: Any, kwargs: Any) -> Any:
        """Begin the step; one with a closure begins when that has been called once, since it makes the gradients."""
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if not callable(closure):
            self._begin(optimizer, moved=False)
            return None
        begin = self._session.recorder.guard("optimizer steps", self._begin)
        before = _versions(optimizer)

        @functools.wraps(closure)
        def first(*given: Any, **named: Any) -> Any:
            result = closure(*given, **named)
            if not self._session.settled:
                begin(optimizer, moved=_versions(optimizer) != before)
            return result

        return ((args[0], first, *args[2:]), kwargs) if len(args) > 1 else (args, {**kwargs, "closure": first})

    def _begin(self, optimizer: Optimizer, *, moved: bool) -> None:
        session = self._session
        if session.asleep:
            session.always_on.begin(optimizer)
        if session.recorder.here and (not session.asleep or session.every_step):
            event = self._event(optimizer)
            event.moved = moved
            session.emit("step_begin", event)
        session.settled = True

    def _end(self, optimizer: Optimizer) -> None:
        session = self._session
        if session.recorder.here:
            session.step += 1
            event = self._event(optimizer)
            session.emit("step_end", event)
            session.first_step_done = True
            session.next_step(event.name)


def _is_left_out(optimizer: Optimizer, *, asleep: bool) -> bool:
    """A fused optimizer is called by the GradScaler even for a step that it is to leave out.

    In sleep nothing waits for an accelerator to tell.
    """
    found = getattr(optimizer, "found_inf", None)
    if found is None or (asleep and not found.is_cpu):
        return False
    return bool(found.tolist())


def _versions(optimizer: Optimizer) -> int:
    """Grows when a parameter is changed in place."""
    return sum(p._version for group in optimizer.param_groups for p in group["params"])


def _cleared(_result: Any, args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[str, Happening]:
    return "zero_grad", Happening(args[0], user_site())
