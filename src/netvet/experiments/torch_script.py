"""What trials need of a program of PyTorch: its step, and the loaders that its samples come from."""

from __future__ import annotations

from typing import Any

from netvet.capture.live import Live
from netvet.capture.torch_loaders import LoaderCollector
from netvet.capture.torch_session import watch_of
from netvet.capture.torch_setup import SetupCollector, not_captured
from netvet.core import NetvetError
from netvet.experiments.captured import problem_of_run
from netvet.experiments.problem import Problem
from netvet.experiments.readings import read_again


class Collected:
    """See `script.Collector`."""

    def __init__(self) -> None:
        self._setup: SetupCollector | None = None
        self._loaders: LoaderCollector | None = None

    def listen(self, live: Live) -> None:
        """The program is about to begin."""
        session = watch_of(live).session
        self._setup, self._loaders = SetupCollector(session), LoaderCollector(session)
        session.add(self._setup)
        session.add(self._loaders)

    def problem(self, script: str) -> Problem:
        """Of the program that has ended.

        Raises:
            NetvetError: its step cannot be repeated.
        """
        if self._setup is None or self._loaders is None:
            raise NetvetError("the script did not begin")
        if self._setup.setup is None:
            raise NetvetError(not_captured(self._setup))
        problem = problem_of_run(self._setup.setup, script)
        problem.details["readings"] = _readings(self._loaders)
        return problem


def _readings(collector: LoaderCollector) -> dict[str, Any]:
    """What is different when samples of each split are read again."""
    found = {split: read_again(loader) | collector.followed[split] for split, loader in collector.loaders.items()}
    collector.loaders.clear()
    return found
