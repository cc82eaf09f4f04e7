"""Run a user's script or module in this process, watched from outside."""

from __future__ import annotations

import datetime
import os
import runpy
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

import torch

import netvet
from netvet.capture.job import Job, await_ranks, current_job, describe_rank, open_run
from netvet.capture.pace import Pace
from netvet.capture.recorder import Recorder, Schedule
from netvet.capture.termination import Termination
from netvet.capture.torch_session import Watch
from netvet.capture.torch_site import _kind, _shown
from netvet.core import NetvetError
from netvet.store import RunWriter

PACKAGE = str(Path(netvet.__file__).parent)
INTERRUPTED = 130  # what a shell reports for a program that was stopped by Ctrl-C
TERMINATED = 143  # the same for SIGTERM
# How long the first rank waits for the others to store their end. A launcher that ends all ranks kills them 30 s later.
WAIT_SECONDS, WAIT_TERMINATED = 10.0, 3.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A run while it goes on: where its signals are, and how far it is."""

    path: Path
    watch: Watch
    began: float

    @property
    def step(self) -> int:
        """Completed optimizer steps."""
        return self.watch.session.step

    @property
    def ended(self) -> bool:
        """The program has ended, and netvet looks at the run as a whole."""
        return self.watch.session.ended

    @property
    def loss(self) -> float | None:
        """The newest training loss."""
        return self.watch.recorder.last_loss

    @property
    def seconds(self) -> float:
        """Wall time since the program began."""
        return perf_counter() - self.began

    @property
    def cost(self) -> float:
        """Of these, the seconds spent in netvet."""
        return self.watch.recorder.cost


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
        deep: measure parameters and layers at every step, whatever it costs.
        observe: called with a `Watched` when the program begins; what it returns is entered around the program.
        terminated: called on the first rank of a distributed run with its outcome when a launcher ends it by SIGTERM.
    """

    target: str
    is_module: bool
    arguments: tuple[str, ...]
    store: Path
    probes: bool = True
    every: int | None = None
    overhead: float = 0.01
    deep: bool = False
    observe: Callable[[Watched], AbstractContextManager[object]] | None = None
    terminated: Callable[[Outcome], object] | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `problems`: one line for each thing that netvet could not do."""

    run_path: Path | None
    script_status: int
    exception_text: str | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ending:
    kind: str
    status: int
    error: BaseException | None = None


def run(options: RunOptions) -> Outcome:
    """Run the program to its end under watch.

    Raises:
        NetvetError: there is no such script or module, or the store cannot be written.
    """
    if not options.is_module and not Path(options.target).is_file():
        raise NetvetError(f"no such script: {options.target!r}; expected the path of a Python file")
    name, job = options.target if options.is_module else Path(options.target).stem, current_job()
    writer = open_run(options.store, name, job)
    if job is None or writer is None:
        if job is not None:
            _say_alone(job, options.store)
        return _Run(options, writer, None).go() if writer else Outcome(None, _execute(options).status, None, ())
    ranked = _Run(options, writer, job)
    return ranked.go(Termination(ranked.terminated).hold)


def _say_alone(job: Job, store: Path) -> None:
    if os.environ.get("LOCAL_RANK", "0") == "0":
        sys.stderr.write(
            f"netvet: rank {job.rank} finds no run of rank 0 in {store}: the ranks of this machine train unwatched; "
            "give a --store that all machines share\n"
        )


class _Run:
    """The run of this process: one rank of a job, or the only one."""

    def __init__(self, options: RunOptions, writer: RunWriter, job: Job | None) -> None:
        self._options, self._writer, self._job = options, writer, job
        self._first, self._pid = job is None or job.rank == 0, os.getpid()
        self._recorder = Recorder(writer, Schedule(options.overhead, options.every))
        pace = Pace(options.overhead, options.every)
        self._watch = Watch(self._recorder, pace, probes=options.probes, every_step=options.deep, first=self._first)
        self._began = perf_counter()
        self._started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    def go(self, hold: Callable[[], None] = lambda: None) -> Outcome:
        """Run the program; `hold` is called when it has ended, before the run is looked at as a whole."""
        options, recorder, watch = self._options, self._recorder, self._watch
        self._describe(None)
        recorder.facts("environment", [_environment()])
        watch.install()
        seen = Watched(self._writer.path, watch, self._began)
        with options.observe(seen) if options.observe else nullcontext():
            ending = _execute(options)
            hold()
            watch.finish(ending.kind)
        return self._end(ending, WAIT_SECONDS)

    def terminated(self) -> None:
        """The process is about to be ended from outside: store what there is, and let the first rank report."""
        self._watch.recorder.guard("reports", self._watch.session.emit)("report")
        outcome = self._end(_Ending("terminated", TERMINATED), WAIT_TERMINATED)
        if self._first and self._options.terminated is not None:
            self._options.terminated(outcome)

    def _end(self, ending: _Ending, seconds: float) -> Outcome:
        problems = _problems(self._watch, self._writer)
        self._describe(ending, problems)
        self._writer.close()
        if self._job is not None and self._first and os.getpid() == self._pid:
            await_ranks(self._writer.path, self._job, seconds)
        return Outcome(self._writer.path, ending.status, _text(ending.error), problems)

    def _describe(self, ending: _Ending | None, problems: tuple[str, ...] = ()) -> None:
        record = _run_record(self._options, self._started, ending, self._watch)
        record |= {"seconds": perf_counter() - self._began, "netvet_seconds": self._recorder.cost}
        self._recorder.facts("run", [record])
        if self._job is not None:
            self._recorder.facts("ranks", [describe_rank(self._job.rank, self._job.world_size, problems)])


def _environment() -> dict[str, Any]:
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
    }


def _run_record(options: RunOptions, started: str, ending: _Ending | None, watch: Watch) -> dict[str, Any]:
    record: dict[str, Any] = {
        "script": options.target,
        "arguments": list(options.arguments),
        "started": started,
        "ended": ending.kind if ending else None,
        "steps": watch.session.step,
    }
    if ending and ending.error is not None:
        record["exception"] = _text(ending.error)
        record["exception_type"] = type(ending.error).__name__
        site = _raised_at(ending.error.__traceback__)
        if site:
            record["exception_file"], record["exception_line"] = site
    return record


def _execute(options: RunOptions) -> _Ending:
    try:
        (_execute_module if options.is_module else _execute_script)(options)
    except SystemExit as leave:
        return _Ending("ok" if not leave.code else "exit", _exit_status(leave.code))
    except KeyboardInterrupt as error:
        _show(error)
        return _Ending("interrupt", INTERRUPTED, error)
    except BaseException as error:  # the script's own failure, passed on as it is
        _show(error)
        return _Ending("exception", 1, error)
    return _Ending("ok", 0)


def _exit_status(code: Any) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    sys.stderr.write(f"{code}\n")  # what Python itself does with sys.exit("message")
    return 1


def _execute_script(options: RunOptions) -> None:
    path = Path(options.target).absolute()
    # The script becomes __main__, so that its guards hold and its classes can be pickled.
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=str(path), __builtins__=__builtins__, __spec__=None, __loader__=None)
    sys.modules["__main__"] = main
    sys.argv = [options.target, *options.arguments]
    sys.path[0:1] = [str(path.resolve().parent)]
    exec(compile(path.read_bytes(), str(path), "exec"), main.__dict__)


def _execute_module(options: RunOptions) -> None:
    sys.argv = [options.target, *options.arguments]
    sys.path[0:1] = [os.getcwd()]
    try:
        runpy.run_module(options.target, run_name="__main__", alter_sys=True)
    except ImportError as error:
        *_, innermost = _chain(error.__traceback__)
        if "runpy" not in innermost.tb_frame.f_code.co_filename:  # the module was found: the error is its own
            raise
        raise NetvetError(f"no such module: {options.target!r}; expected a module that `python -m` can run") from None


def _text(error: BaseException | None) -> str | None:
    return None if error is None else "".join(traceback.format_exception_only(error)).strip()


def _users_part(frames: TracebackType | None) -> TracebackType | None:
    """The traceback as it would be without netvet: without the frames of its taps and of what ran the script."""
    if os.environ.get("NETVET_DEBUG"):
        return frames
    kept = [
        frame
        for frame in _chain(frames)
        if not frame.tb_frame.f_code.co_filename.startswith(PACKAGE)
        and "runpy" not in frame.tb_frame.f_code.co_filename
    ]
    following: TracebackType | None = None
    for frame in reversed(kept):
        following = TracebackType(following, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return following or frames


def _chain(frames: TracebackType | None) -> Iterator[TracebackType]:
    while frames is not None:
        yield frames
        frames = frames.tb_next


def _raised_at(frames: TracebackType | None) -> tuple[str, int] | None:
    """The innermost line of the user's code in a traceback."""
    found = None
    for frame, line in traceback.walk_tb(_users_part(frames)):
        if _kind(frame.f_code.co_filename) == 0:
            found = (_shown(frame.f_code.co_filename), line)
    return found


def _show(error: BaseException) -> None:
    if isinstance(error, NetvetError):
        raise error
    sys.stdout.flush()
    seen: BaseException | None = error
    while seen is not None:  # and what it was raised from
        seen.__traceback__ = _users_part(seen.__traceback__)
        seen = seen.__cause__ or seen.__context__
    sys.excepthook(type(error), error, error.__traceback__)


def _problems(watch: Watch, writer: RunWriter) -> tuple[str, ...]:
    problems = [f"netvet switched off {part}: {reason}" for part, reason in watch.recorder.switched_off.items()]
    if writer.error:
        problems.append(f"the store stopped being written: {writer.error}")
    if watch.session.step == 0:
        problems.append(
            "no training step was seen: netvet watches PyTorch optimizers and backward calls of this process"
        )
    return tuple(problems)
