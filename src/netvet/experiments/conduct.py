"""A whole recipe: get a problem from a script or a function, experiment with it, put the outcomes in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netvet.capture.runner import Outcome as RunOutcome
from netvet.capture.runner import RunOptions
from netvet.core import NetvetError
from netvet.executors import workers
from netvet.experiments import EXPERIMENTS
from netvet.experiments.corpus import DIGITS
from netvet.experiments.experiment import Experiment
from netvet.experiments.lab import Lab, digest
from netvet.experiments.named import result_of
from netvet.experiments.problem import Problem
from netvet.experiments.recipe import FULL_SECONDS, Done, perform
from netvet.experiments.script import problem_of_script
from netvet.experiments.setup import Setup, problem_of
from netvet.store import RunWriter

# Results of trials, by what they were done with, so that a study that was broken off can go on.
STUDIES = "studies"


@dataclass(frozen=True)
class Options:
    """How experiments are done.

    Args:
        experiments: which; `budget`: seconds for all of them.
        seeds: how many twins a comparison has.
        jobs: trials at a time; `on`: where (see `Workers`).
        resume: use results of an earlier study of the same problem.
        known_data: images that are known to be learnable (see `corpus`).
        tell: called with a line of progress; `done`: after each experiment.
    """

    experiments: Sequence[Experiment] = EXPERIMENTS
    budget: float = FULL_SECONDS
    seeds: int = 3
    jobs: int = 1
    on: str | None = None
    resume: bool = False
    known_data: str = DIGITS
    tell: Callable[[str], None] = lambda line: None
    done: Callable[[Done], None] = lambda one: None


@dataclass(frozen=True)
class Conducted:
    """Where the outcomes are. `script`: how the script ended, where one was run."""

    path: Path
    done: tuple[Done, ...]
    script: RunOutcome | None = None


def conduct_script(chosen: RunOptions, options: Options) -> Conducted:
    """Run a script under watch, then experiment with copies of what it trains."""
    problem, reason, ended = problem_of_script(chosen)
    assert ended.run_path is not None
    return Conducted(ended.run_path, _experiment(problem, reason, ended.run_path, options), ended)


def conduct_setup(setup: Setup, name: str, store: Path, options: Options) -> Conducted:
    """Experiment with what a user has given.

    Raises:
        NetvetError: the setup cannot be used.
    """
    problem = problem_of(setup, name)
    writer = RunWriter.create(store, name)
    writer.put_facts("run", [{"name": name, "ended": "ok"}])
    writer.close()
    return Conducted(writer.path, _experiment(problem, "", writer.path, options))


def _experiment(problem: Problem | None, reason: str, path: Path, options: Options) -> tuple[Done, ...]:
    found: list[Done] = []

    def done(one: Done) -> None:
        found.append(one)
        _store(path, found, problem)
        options.done(one)

    try:
        if problem is None:
            perform(options.experiments, None, reason, done=done)
            return tuple(found)
        _with_lab(problem, path, options, done)
    except KeyboardInterrupt:
        options.tell("stopped: what was found until now is kept")
    except NetvetError as error:  # before the first of them: no step can be taken, or there are no workers
        if found:
            raise
        perform(options.experiments, None, str(error), done=done)
    return tuple(found)


def _with_lab(problem: Problem, path: Path, options: Options, done: Callable[[Done], None]) -> None:
    problem.details["known_data"] = options.known_data
    journal = path.parent.parent / STUDIES / f"{digest(problem)}.jsonl"
    if not options.resume:
        journal.unlink(missing_ok=True)
    with workers(options.on, options.jobs) as made:
        lab = Lab(
            problem, seconds=options.budget, seeds=range(options.seeds), workers=made, journal=journal,
            tell=options.tell,
        )  # fmt: skip
        try:
            perform(options.experiments, lab, done=done)
        finally:
            lab.close()


def _store(path: Path, found: Sequence[Done], problem: Problem | None) -> None:
    """Write after each, so that a killed recipe keeps what it has found."""
    writer = RunWriter.join(path)
    try:
        notes = list(problem.notes) if problem is not None else []
        writer.put_facts("experiments", [one.record() | {"notes": notes} for one in found])
    finally:
        writer.close()


def setup_of(target: str) -> Setup:
    """The setup that a function gives: `module:function`, or `file.py:function`.

    Raises:
        NetvetError: there is no such function, or it gives no setup.
    """
    given = result_of(target, "a netvet.Setup")
    if isinstance(given, dict):
        try:
            given = Setup(**given)
        except TypeError as error:
            raise NetvetError(f"{target} gave a dict that is no setup: {error}") from error
    if not isinstance(given, Setup):
        raise NetvetError(f"{target} gave a {type(given).__name__}; expected a netvet.Setup (or a dict of its fields)")
    return given
