"""Stop early, politely: ask now and then whether the run is hopeless; if so, keep what it learned and end it.

What is asked comes from above (capture knows no diagnosis). The question is put between two steps, in the thread that
trains, when the facts of the run have just been written.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from netvet.capture.live import Live, Stopper
from netvet.capture.torch_checkpoint import write_checkpoint
from netvet.capture.torch_events import Session
from netvet.core import TrainingStopped

FOLDER = "stopped"


class TorchStop:
    """Asks after steps at which facts were written; ends the training once, and does not insist.

    Attributes:
        on_stop: called before the end.
        stopped: the step and the reason, once the end was asked for.
        problems: one line for each thing that went wrong on the way.
    """

    part = "stopping early"

    def __init__(self, run: Live, session: Session, stopper: Stopper) -> None:
        self._run, self._session = run, session
        self._stopper = stopper
        self._thread = threading.get_ident()
        self._due = False
        self._handle: Any = None
        self.on_stop = stopper.on_stop
        self.stopped: tuple[int, str] | None = None
        self.problems: list[str] = []

    def install(self) -> None:
        """Begin to ask; after the taps of the run, so that a step is told before it is asked about."""
        self._session.add(self)
        self._session.options["stop"] = self
        self._handle = register_optimizer_step_post_hook(self._after_step)

    def remove(self) -> None:
        """Ask no more."""
        if self._handle is not None:
            self._handle.remove()
        self._handle = None

    def on_report(self, _: None) -> None:
        self._due = True

    def _after_step(self, *_: Any) -> None:
        self.step_taken()

    def step_taken(self) -> None:
        """Ask if it is time; called after each step.

        Raises:
            TrainingStopped: the training is to end here.
        """
        if self._due and self.stopped is None and not torch.compiler.is_compiling():
            self._ask()

    def _ask(self) -> None:
        recorder, session = self._run.recorder, self._session
        # Out of another thread, or out of a backward pass, the exception would not reach the loop.
        if not recorder.here or session.in_backward or threading.get_ident() != self._thread:
            return
        self._due = False
        if _several_processes():
            self.problems = ["stopping early: not done with several processes, of which one alone must not stop"]
            return
        reason = recorder.guard(self.part, self._look)()
        if reason is not None:
            self.stopped = session.step, reason
            raise TrainingStopped(session.step, reason, self._keep())

    def _look(self) -> str | None:
        self._run.writer.flush()
        return self._stopper.look(self._run.path, self._session.step)

    def _keep(self) -> Path | None:
        """Write the state of the training, and let the user do what they want; no failure prevents the end."""
        session, recorder = self._session, self._run.recorder
        folder: Path | None = self._run.path / FOLDER
        recorder.suspended = True  # a checkpoint of netvet's own is none of the script's
        try:
            optimizers = {name: one for one, name in session.options["optimizers"].alive()}
            models = {session.models.name(model): model for model in session.models.called()}
            write_checkpoint(self._run.path / FOLDER, models, optimizers)
        except Exception as error:
            self.problems.append(f"stopping early: no checkpoint could be written: {type(error).__name__}: {error}")
            folder = None
        try:
            if self.on_stop is not None:
                self.on_stop()
        except Exception as error:
            self.problems.append(f"stopping early: on_stop failed: {type(error).__name__}: {error}")
        finally:
            recorder.suspended = False
        return folder


def _several_processes() -> bool:
    distributed = torch.distributed
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
