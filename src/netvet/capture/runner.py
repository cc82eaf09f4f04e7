"""Run a user's script or module in this process, watched from outside."""

from __future__ import annotations

import os
import runpy
import sys
import types
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from netvet.capture.errors import innermost_file, show, text_of
from netvet.capture.frameworks import Framework
from netvet.capture.job import Job, await_ranks, current_job, open_run
from netvet.capture.live import Ending, Live, LiveOptions, Source, Stopper
from netvet.capture.termination import Termination
from netvet.core import NetvetError, TrainingStopped

TERMINATED = 143  # what a shell reports for a program that was ended by SIGTERM
# How long the first rank waits for the others to store their end. A launcher that ends all ranks kills them 30 s later.
WAIT_SECONDS, WAIT_TERMINATED = 10.0, 3.0


@dataclass(frozen=True)
class RunOptions:
    """What `netvet run` was asked to do.

    Args:
        target: path of a script, or name of a module when `is_module`.
        arguments: what belongs to the script.
        store: folder of the runs.
        probes: probe a copy before the first update and at the end.
        every: look closely at every so many steps, instead of by budget.
        overhead: share of wall time that close looks may cost.
        observe: called with the run when the program begins; what it returns is entered around the program.
        deep: measure parameters and layers at every step, whatever it costs.
        stopper: asks during the run whether to end it.
        terminated: called on the first rank of a distributed run with its outcome when a launcher ends it by SIGTERM.
        compiled: gives the code of the script, where it is not that of the file.
        framework: what the program trains with.
    """

    target: str
    is_module: bool
    arguments: tuple[str, ...]
    store: Path
    probes: bool = True
    every: int | None = None
    overhead: float = 0.01
    observe: Callable[[Live], AbstractContextManager[object]] | None = None
    deep: bool = False
    stopper: Stopper | None = None
    terminated: Callable[[Outcome], object] | None = None
    compiled: Callable[[Path], types.CodeType] | None = None
    framework: Framework = "torch"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `problems`: one line for each thing that netvet could not do."""

    run_path: Path | None
    script_status: int
    exception_text: str | None
    problems: tuple[str, ...]


def run(options: RunOptions) -> Outcome:
    """Run the program to its end under watch.

    Raises:
        NetvetError: there is no such script or module, or the store cannot be written.
    """
    if not options.is_module and not Path(options.target).is_file():
        raise NetvetError(f"no such script: {options.target!r}; expected the path of a Python file")
    name, job = options.target if options.is_module else Path(options.target).stem, current_job()
    writer = open_run(options.store, name, job)
    if writer is None:
        if job is not None:
            _say_alone(job, options.store)
        return Outcome(None, _execute(options).status, None, ())
    chosen = LiveOptions(
        options.store, name, options.overhead, options.every, options.deep, options.probes, options.stopper,
        options.framework,
    )  # fmt: skip
    live = Live(Source(options.target, options.arguments), chosen, writer=writer, job=job)
    termination = Termination(partial(_terminated, live, options)) if job is not None else None
    live.begin()
    with options.observe(live) if options.observe else nullcontext():
        ending = _execute(options)
        if termination is not None:
            termination.hold()
        live.finish(ending)
    return _end(live, ending, WAIT_SECONDS)


def _say_alone(job: Job, store: Path) -> None:
    if os.environ.get("LOCAL_RANK", "0") == "0":
        sys.stderr.write(
            f"netvet: rank {job.rank} finds no run of rank 0 in {store}: the ranks of this machine train unwatched; "
            "give a --store that all machines share\n"
        )


def _terminated(live: Live, options: RunOptions) -> None:
    """The process is about to be ended from outside: store what there is, and let the first rank report."""
    live.recorder.guard("reports", live.capture.report)()
    outcome = _end(live, Ending("terminated", TERMINATED), WAIT_TERMINATED)
    if live.first and options.terminated is not None:
        options.terminated(outcome)


def _end(live: Live, ending: Ending, seconds: float) -> Outcome:
    problems = live.problems()
    live.close(ending)
    if live.job is not None and live.first and live.here:
        await_ranks(live.path, live.job, seconds)
    return Outcome(live.path, ending.status, text_of(ending.error), problems)


def _execute(options: RunOptions) -> Ending:
    try:
        (_execute_module if options.is_module else _execute_script)(options)
    except SystemExit as leave:
        if leave.code is not None and not isinstance(leave.code, int):
            sys.stderr.write(f"{leave.code}\n")  # what Python itself does with sys.exit("message")
        return Ending.of(leave)
    except TrainingStopped as stopped:
        sys.stdout.flush()
        if not stopped.quiet:
            sys.stderr.write(f"netvet: {stopped}\n")
        return Ending.of(stopped)
    except BaseException as error:  # the script's own failure, passed on as it is
        show(error)
        return Ending.of(error)
    return Ending("ok")


def _execute_script(options: RunOptions) -> None:
    path = Path(options.target).absolute()
    # The script becomes __main__, so that its guards hold and its classes can be pickled.
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=str(path), __builtins__=__builtins__, __spec__=None, __loader__=None)
    sys.modules["__main__"] = main
    sys.argv = [options.target, *options.arguments]
    sys.path[0:1] = [str(path.resolve().parent)]
    code = options.compiled(path) if options.compiled else compile(path.read_bytes(), str(path), "exec")
    exec(code, main.__dict__)


def _execute_module(options: RunOptions) -> None:
    sys.argv = [options.target, *options.arguments]
    sys.path[0:1] = [os.getcwd()]
    try:
        runpy.run_module(options.target, run_name="__main__", alter_sys=True)
    except ImportError as error:
        if "runpy" not in innermost_file(error):  # the module was found: the error is its own
            raise
        raise NetvetError(f"no such module: {options.target!r}; expected a module that `python -m` can run") from None
