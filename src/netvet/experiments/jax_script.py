"""What trials need of a program of JAX: the loss that it differentiates, as its capture has kept it."""

from __future__ import annotations

from netvet.capture.jax_session import Watch
from netvet.capture.jax_setup import SetupCollector
from netvet.capture.live import Live
from netvet.core import NetvetError
from netvet.experiments.jax_problem import problem_of_loss
from netvet.experiments.problem import Problem


class Collected:
    """See `script.Collector`."""

    def __init__(self) -> None:
        self._setup: SetupCollector | None = None

    def listen(self, live: Live) -> None:
        """The program is about to begin."""
        assert isinstance(live.capture, Watch)
        self._setup = SetupCollector(live.capture)

    def problem(self, script: str) -> Problem:
        """Of the program that has ended.

        Raises:
            NetvetError: its loss cannot be repeated.
        """
        captured = self._setup.captured() if self._setup is not None else "the script did not begin"
        if isinstance(captured, str):
            raise NetvetError(captured)
        return problem_of_loss(captured, script)
