"""A whole recipe: get a problem from a script or a function, experiment with it, put the outcomes in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netvet.capture.frameworks import require_program
from netvet.capture.live import Live
from netvet.capture.runner import Outcome as RunOutcome
from netvet.capture.runner import RunOptions, run
from netvet.capture.torch_loaders import LoaderCollector
from netvet.capture.torch_session import watch_of
from netvet.capture.torch_setup import SetupCollector, not_captured
from netvet.core import NetvetError
from netvet.executors import workers
from netvet.experiments import EXPERIMENTS
from netvet.experiments.captured import problem_of_run
from netvet.experiments.corpus import DIGITS
from netvet.experiments.experiment import Experiment
from netvet.experiments.lab import Lab, digest
from netvet.experiments.named import result_of
from netvet.experiments.problem import Problem
from netvet.experiments.readings import read_again
from netvet.experiments.recipe import FULL_SECONDS, Done, perform
from netvet.experiments.setup import Setup, problem_of
from netvet.experiments.trial import is_memory
from netvet.store import Run, RunWriter

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


def problem_of_script(chosen: RunOptions) -> tuple[Problem | None, str, RunOutcome]:
    """Run a script under watch: its problem, or the reason why there is none, and how it ended.

    Raises:
        NetvetError: the run was not recorded, or what the program trains with is not installed.
    """
    framework = require_program("recipe", chosen.target, is_module=chosen.is_module)
    if framework == "keras":
        from netvet.experiments import keras_script

        return keras_script.problem_of_script(chosen)
    if framework == "jax":
        from netvet.experiments.jax_problem import problem_of_jax_script

        return problem_of_jax_script(chosen)
    return _problem_of_torch_script(chosen)


def _problem_of_torch_script(chosen: RunOptions) -> tuple[Problem | None, str, RunOutcome]:
    held: list[SetupCollector] = []
    read: list[LoaderCollector] = []
    inner = chosen.observe

    def observe(live: Live) -> AbstractContextManager[object]:
        held.append(SetupCollector(watch_of(live).session))
        read.append(LoaderCollector(watch_of(live).session))
        watch_of(live).session.add(held[0])
        watch_of(live).session.add(read[0])
        return inner(live) if inner is not None else nullcontext()

    ended = run(replace(chosen, observe=observe))
    if ended.run_path is None:
        raise NetvetError("the run was not recorded, so that there is nothing to experiment with")
    problem, reason = _problem(held[0], chosen.target) if held else (None, "the script did not begin")
    if problem is not None:  # scores of the trained model and of simple learners, as the run has recorded them
        found: Any = Run.open(ended.run_path).get("baselines")
        problem.details["trained"] = list(found or ())
        problem.details["readings"] = _readings(read[0])
    return problem, reason, ended


def _readings(collector: LoaderCollector) -> dict[str, Any]:
    """What is different when samples of each split are read again."""
    found = {split: read_again(loader) | collector.followed[split] for split, loader in collector.loaders.items()}
    collector.loaders.clear()
    return found


def _problem(collector: SetupCollector, script: str) -> tuple[Problem | None, str]:
    if collector.setup is None:
        return None, not_captured(collector)
    try:
        return problem_of_run(collector.setup, script), ""
    except NetvetError as error:
        return None, str(error)
    except Exception as error:  # whatever a recorded step does when it is taken once more
        told = "out of memory" if is_memory(error) else f"{type(error).__name__}: {error}"
        return None, f"its step could not be taken on a copy: {told}"


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
