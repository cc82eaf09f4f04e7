"""Stop a Keras training early, politely: ask now and then whether it is hopeless, and end it between two steps."""

from __future__ import annotations

from typing import Any

from netvet.capture.live import Live, Stopper
from netvet.core import TrainingStopped


class KerasStop:
    """Asks after steps at which facts were written; ends the training once, and does not insist.

    Attributes:
        on_stop: called before the end.
        stopped: the step and the reason, once the end was asked for.
        problems: one line for each thing that went wrong on the way.
    """

    def __init__(self, run: Live, capture: Any, stopper: Stopper) -> None:
        self._run, self._capture, self._stopper = run, capture, stopper
        self.on_stop = stopper.on_stop
        self.stopped: tuple[int, str] | None = None
        self.problems: list[str] = []

    def install(self) -> None:
        """Begin to ask."""
        self._capture.asked = self.step_taken

    def remove(self) -> None:
        """Ask no more."""
        self._capture.asked = lambda: None

    def step_taken(self) -> None:
        """Ask if it is time; called after each step.

        Raises:
            TrainingStopped: the training is to end here.
        """
        capture, recorder = self._capture, self._run.recorder
        if not capture.reported or self.stopped is not None or not recorder.here:
            return
        capture.reported = False
        reason = recorder.guard("stopping early", self._look)()
        if reason is not None:
            self.stopped = capture.step, reason
            try:
                if self.on_stop is not None:
                    self.on_stop()
            except Exception as error:
                self.problems.append(f"stopping early: on_stop failed: {type(error).__name__}: {error}")
            raise TrainingStopped(capture.step, reason, None)

    def _look(self) -> str | None:
        self._run.writer.flush()
        return self._stopper.look(self._run.path, self._capture.step)
