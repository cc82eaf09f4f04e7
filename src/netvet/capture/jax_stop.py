"""Stop early between two calls of the program: ask now and then whether the run is hopeless; if so, end it."""

from __future__ import annotations

import threading

from netvet.capture.jax_events import Session
from netvet.capture.live import Live, Stopper
from netvet.core import TrainingStopped


class JaxStop:
    """Asks after calls before which facts were written; ends the training once, and does not insist.

    Attributes:
        on_stop: called before the end; what a JAX program has learned is in its own variables alone.
        stopped: the step and the reason, once the end was asked for.
        problems: one line for each thing that went wrong on the way.
    """

    part = "stopping early"

    def __init__(self, run: Live, session: Session, stopper: Stopper) -> None:
        self._run, self._session, self._stopper = run, session, stopper
        self._thread = threading.get_ident()
        self.on_stop = stopper.on_stop
        self.stopped: tuple[int, str] | None = None
        self.problems: list[str] = []

    def install(self) -> None:
        """Begin to ask."""
        self._session.options["stop"] = self

    def remove(self) -> None:
        """Ask no more."""
        self._session.options.pop("stop", None)

    def step_taken(self) -> None:
        """Ask if it is time; called after each call that trains.

        Raises:
            TrainingStopped: the training is to end here.
        """
        if not self._session.options.pop("reported", False) or self.stopped is not None:
            return
        if not self._run.recorder.here or threading.get_ident() != self._thread:
            return
        reason = self._run.recorder.guard(self.part, self._look)()
        if reason is None:
            return
        self.stopped = self._session.step, reason
        if self.on_stop is not None:
            try:
                self.on_stop()
            except Exception as error:
                self.problems.append(f"stopping early: on_stop failed: {type(error).__name__}: {error}")
        raise TrainingStopped(self._session.step, reason, None)

    def _look(self) -> str | None:
        self._run.writer.flush()
        return self._stopper.look(self._run.path, self._session.step)
