"""Let the collectors fall asleep and wake: most taps are out meanwhile, and the program runs as if unwatched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import torch

from netvet.capture.pace import Pace
from netvet.capture.site import _kind
from netvet.capture.torch_patch import Patches

if TYPE_CHECKING:
    from netvet.capture.torch_events import Session

# A window lasts two steps of each optimizer: one is looked at closely, the next shows how gradients go on. Optimizers
# beyond so many are those of single parameters.
MAX_OPTIMIZERS = 8
# A new optimizer begins a second phase, or another fold: so many of its steps are heard.
PHASE_STEPS = 50
# A loss that is no number stays one: a few looks tell the story.
MAX_URGENT = 20
# A place that turns gradients off, but not to evaluate, is asked no more after so many times.
PATIENCE = 2
# So many functions of PyTorch's own that do so are remembered.
MAX_OWN = 64


class Sleeper:
    """Puts the collectors of a session to sleep and wakes them.

    Args:
        cost: seconds that the collectors have spent so far.
    """

    def __init__(self, session: Session, patches: Patches, pace: Pace, cost: Callable[[], float]) -> None:
        self._session = session
        self._patches = patches
        self._pace = pace
        self._cost = cost
        self._whole = True
        self._watchers = Patches()
        self._useless: dict[tuple[Any, int], int] = {}
        # Functions of PyTorch that turn gradients off, by their ids; each is kept alive, so that no other gets its id.
        self._own: dict[int, CodeType] = {}
        self._roused_at: tuple[Any, int] | None = None
        self._urgent = 0

    def after_step(self, optimizers: int) -> None:
        """A step has ended.

        Args:
            optimizers: how many different ones have stepped so far.
        """
        session = self._session
        if session.asleep:  # every step is looked at closely
            session.left -= 1
            if session.left <= 0:
                self.window(optimizers)
            return
        if session.left > 0:
            session.left -= 1
        if session.left <= 0 and not session.ended and self._pace.tired(session.step, self._cost()):
            self._sleep()

    def window(self, optimizers: int) -> None:
        """Wake the collectors for a window."""
        self._wake(2 * max(1, min(optimizers, MAX_OPTIMIZERS)))

    @property
    def in_window(self) -> bool:
        """The collectors are awake for a few steps only."""
        return self._session.left > 0

    @property
    def last_of_window(self) -> bool:
        """The collectors fall asleep after this step, and may choose not to: ranks all choose the same steps."""
        return self._session.left == 1 and not self._session.asleep and not self._pace.symmetric

    def prolong(self) -> None:
        """Stay awake for a step more."""
        self._session.left += 1

    @property
    def ordinary(self) -> float | None:
        """Seconds of a step while the collectors sleep; None before the first sleep."""
        return self._pace.ordinary

    def new_phase(self) -> None:
        """A new optimizer was made: what comes is not like what was."""
        if self._session.asleep:
            self.rouse(steps=PHASE_STEPS, urgent=True)
        elif self.in_window:
            self._session.left = max(self._session.left, PHASE_STEPS)

    def rouse(self, *, steps: int = 1, urgent: bool = False) -> None:
        """Something happened that the collectors would want to see: wake them, if that is within the budget.

        Args:
            steps: how many steps they are to stay awake.
            urgent: whatever it costs, as long as that does not happen often.
        """
        session = self._session
        if not session.asleep or not session.recorder.here:
            return
        if urgent and self._urgent < MAX_URGENT:
            self._urgent += 1
        elif not self._pace.may_rouse(session.step):
            return
        self._wake(steps)
        self._whole = False

    def close(self) -> None:
        """Put the taps back in: what follows is the end of the run."""
        if self._session.asleep:
            self._session.plain.leave()
            self._watchers.undo()
            self._patches.resume()
            self._session.asleep = False

    def _sleep(self) -> None:
        session = self._session
        if self._roused_at is not None and not session.evaluated:
            self._useless[self._roused_at] = self._useless.get(self._roused_at, 0) + 1
        self._session.left = self._pace.sleep(session.step, self._cost(), whole=self._whole)
        session.emit("sleep")
        self._patches.rest()
        session.asleep, session.deep = True, session.every_step
        self._watch_evaluations()

    def _wake(self, steps: int) -> None:
        session = self._session
        session.plain.leave()
        self._watchers.undo()
        self._patches.resume()
        session.wake()
        self._pace.wake(session.step, self._cost())
        self._session.left, self._whole, self._roused_at = steps, True, None
        session.emit("wake")

    def _watch_evaluations(self) -> None:
        """An evaluation turns gradients off, or calls eval() (which has a tap of its own)."""
        for owner in (torch.no_grad, torch.inference_mode):
            self._watchers.wrap(owner, "__enter__", self._entering)

    def _entering(self, original: Callable[..., Any]) -> Callable[..., Any]:
        session, own = self._session, self._own
        notice = session.recorder.guard("evaluations", self._notice)

        def enter(context: Any) -> Any:
            if session.asleep and not session.emitting:
                frame = sys._getframe(1)
                if id(frame.f_code) not in own:  # gradients are clipped so, at every step
                    notice(frame)
            return original(context)

        return enter

    def _notice(self, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename.endswith("_contextlib.py"):  # used as a decorator
            frame = frame.f_back
        elif frame is not None and len(self._own) < MAX_OWN and _kind(frame.f_code.co_filename) == 2:
            self._own[id(frame.f_code)] = frame.f_code
        if frame is None or _kind(frame.f_code.co_filename) == 2:
            return
        place = (frame.f_code, frame.f_lasti)
        if self._useless.get(place, 0) < PATIENCE and not torch.compiler.is_compiling():
            self.rouse()
            self._roused_at = place
