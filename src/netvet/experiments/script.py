"""The problem of a script: it runs once under watch, and what trials need of it is collected."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol

from netvet.capture.frameworks import require_program
from netvet.capture.live import Live
from netvet.capture.runner import Outcome, RunOptions, run
from netvet.core import NetvetError
from netvet.experiments.problem import Problem
from netvet.experiments.trial import is_memory
from netvet.store import Run


class Collector(Protocol):
    """What is kept of a run. Each framework has one, `FRAMEWORK_script.Collected`."""

    def listen(self, live: Live) -> None:
        """The program is about to begin."""

    def problem(self, script: str) -> Problem:
        """Of the program that has ended.

        Raises:
            NetvetError: its step cannot be repeated; the message says why.
        """


def problem_of_script(chosen: RunOptions) -> tuple[Problem | None, str, Outcome]:
    """Run a script under watch: its problem, or the reason why there is none, and how it ended.

    Raises:
        NetvetError: the run was not recorded, or what the program trains with is not installed.
    """
    framework = require_program("recipe", chosen.target, is_module=chosen.is_module)
    collected: Collector = import_module(f"netvet.experiments.{framework}_script").Collected()
    inner = chosen.observe

    def observe(live: Live) -> AbstractContextManager[object]:
        collected.listen(live)
        return inner(live) if inner is not None else nullcontext()

    ended = run(replace(chosen, framework=framework, observe=observe))
    if ended.run_path is None:
        raise NetvetError("the run was not recorded, so that there is nothing to experiment with")
    try:
        problem = collected.problem(chosen.target)
    except NetvetError as error:
        return None, str(error), ended
    except Exception as error:  # whatever a recorded step does when it is taken once more
        told = "out of memory" if is_memory(error) else f"{type(error).__name__}: {error}"
        return None, f"its step could not be taken on a copy: {told}", ended
    scores: Any = Run.open(ended.run_path).get("baselines")  # of the trained model and of simple learners
    problem.details["trained"] = list(scores or ())
    return problem, "", ended
