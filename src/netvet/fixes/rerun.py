"""One run of a program with patched sources, in a process of its own: what it comes to, and nothing left behind."""

from __future__ import annotations

import math
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from types import CodeType, ModuleType, TracebackType
from typing import Any

from netvet.capture.frameworks import Framework
from netvet.capture.live import Live
from netvet.capture.runner import RunOptions, run
from netvet.core import NetvetError
from netvet.executors import short_sockets
from netvet.fixes.measured import Measured
from netvet.fixes.overlay import patched
from netvet.fixes.printed import Printed
from netvet.fixes.sandbox import working_copy
from netvet.fixes.trial import Trial, preloaded, trial_of

_LINES = 15
_METHOD = "forkserver" if os.name == "posix" else "spawn"
_STARTING = threading.Lock()
_RUNNING: set[Any] = set()
OUTPUT = "output.txt"


@dataclass(frozen=True)
class Rerun:
    """What is to be run.

    Args:
        target: path of a script, or name of a module when `is_module`.
        arguments: what belongs to the program.
        folder: its working directory.
        sources: path of a file -> the text that takes its place; empty for the twin.
        seed: 0 for the program's own seeds (see `seeding`).
        seconds: after so many it is killed.
        steps: it ends after so many optimizer steps; None: at its own end.
        patience: it ends with the first optimizer step after so many seconds; None: at its own end.
        printed: what it prints and is judged by; None: by what netvet measures.
        store: folder of runs; the run is kept there, with the probes and all signals, so that checks can look at it.
        framework: what it trains with.
    """

    target: str
    is_module: bool = False
    arguments: tuple[str, ...] = ()
    folder: str = "."
    sources: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 3_600.0
    steps: int | None = None
    patience: float | None = None
    printed: Printed | None = None
    store: str = ""
    framework: Framework = "torch"


def rerun(asked: Rerun, inside: Path | None = None) -> Measured:
    """Run it in this process, which is good for nothing else afterwards: it has become the program's.

    Args:
        inside: an empty folder for what it writes.
    """
    sys.dont_write_bytecode = True
    with ExitStack() as undo:
        if inside is None:
            inside = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="netvet-fix-")))
        undo.enter_context(_kept_aside(inside / OUTPUT))
        trial = trial_of(asked.framework)
        began = perf_counter()
        live = _run(asked, inside, trial)
        seconds, ended = perf_counter() - began, _ended(inside / "store")
        found = _measured(asked, inside, trial, live)
        sys.stdout.flush()
        sys.stderr.flush()
        if asked.printed is not None:
            found = asked.printed.judged(found, _output(inside / OUTPUT))
        error = _last_lines(inside / OUTPUT) if ended in ("exception", "exit", "interrupt") else ""
        kept = _moved(_stored(inside / "store"), Path(asked.store)) if asked.store else ""
        return replace(found, steps=live.step, ended=ended, seconds=seconds, error=error, run=kept)


def _measured(asked: Rerun, inside: Path, trial: Trial, live: Live) -> Measured:
    """Its scores; a run that is kept to be looked at has none."""
    if asked.store:
        return Measured(unmeasured="the run was looked at, and not scored")
    return trial.measured(live, _stored(inside / "store"))


def _moved(run: Path, store: Path) -> str:
    """Under another name where the store has a run of this second already."""
    store.mkdir(parents=True, exist_ok=True)
    target, number = store / run.name, 1
    while target.exists():
        target, number = store / f"{run.name}-{number + 1}", number + 1
    return str(shutil.move(run, target))


def _run(asked: Rerun, inside: Path, trial: Trial) -> Live:
    """Run it to its end; what was heard of it."""
    folder = Path(asked.folder).absolute()
    target = asked.target if asked.is_module else str(folder / asked.target)
    lives: list[Live] = []

    def observe(live: Live) -> AbstractContextManager[object]:
        lives.append(live)
        if not asked.store:
            trial.listen(live)
        limited = asked.steps is not None or asked.patience is not None
        return trial.ending(live, _over(asked, live)) if limited else nullcontext()

    with working_copy(folder, inside) as copy, ExitStack() as undo:
        overlay = undo.enter_context(patched(asked.sources, {str(copy): str(folder)}))
        compiled: Callable[[Path], CodeType] = overlay.compile_script
        undo.enter_context(trial.seeded(asked.seed))
        whole = bool(asked.store)
        options = RunOptions(
            target, asked.is_module, asked.arguments, inside / "store", probes=whole,
            every=None if whole else trial.every, observe=observe, compiled=compiled, framework=asked.framework,
        )  # fmt: skip
        run(options)
    return lives[0]


def _ended(store: Path) -> str:
    from netvet.store import Run

    record: Any = Run.open(_stored(store)).get("run")
    return str(record[0]["ended"])


def _stored(store: Path) -> Path:
    return next(p for p in store.iterdir() if p.is_dir() and not p.name.startswith("."))


def _over(asked: Rerun, live: Live) -> Callable[[], bool]:
    """Whether the run has reached its limit of steps or of time."""
    steps = math.inf if asked.steps is None else asked.steps
    end = math.inf if asked.patience is None else perf_counter() + asked.patience
    return lambda: live.step >= steps or perf_counter() > end


@contextmanager
def _kept_aside(path: Path) -> Iterator[None]:
    """What is written to the terminal goes to a file."""
    own, hook = (sys.stdout, sys.stderr), sys.excepthook
    for stream in own:
        stream.flush()
    kept = [os.dup(1), os.dup(2)]
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    for number in (1, 2):
        os.dup2(file, number)
    os.close(file)
    made = [os.fdopen(os.dup(n), "w", buffering=1, errors="replace") for n in (1, 2)]
    sys.stdout, sys.stderr = made
    sys.excepthook = _show  # the interpreter's own shows the lines of the file
    try:
        yield
    finally:
        for stream in made:
            with suppress(ValueError, OSError):
                stream.close()
        (sys.stdout, sys.stderr), sys.excepthook = own, hook
        for number, before in zip((1, 2), kept, strict=True):
            os.dup2(before, number)
            os.close(before)


def _show(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
    traceback.print_exception(kind, error, frames)


def _output(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _last_lines(path: Path) -> str:
    return "\n".join(_output(path).strip().splitlines()[-_LINES:])


def rerun_apart(asked: Rerun) -> Measured:
    """Run it in a fresh process; one that is killed, crashes or takes too long gives a Measured with `error`.

    May be called from several threads at a time.
    """
    with tempfile.TemporaryDirectory(prefix="netvet-fix-", ignore_cleanup_errors=True) as inside:
        folder = str(Path(asked.folder).absolute())
        return rerun_within(replace(asked, folder=folder, sources=dict(asked.sources)), Path(inside))


def rerun_within(asked: Rerun, inside: Path) -> Measured:
    """The same in an empty folder that stays: what the program has written to the terminal is in its `OUTPUT`."""
    context: Any = multiprocessing.get_context(_METHOD)
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(asked, str(inside), sending))
    began = perf_counter()
    _start(process, asked.framework)
    _RUNNING.add(process)
    sending.close()
    try:
        result: Any = None
        ready = receiving.poll(asked.seconds)
        with suppress(EOFError, OSError):
            result = receiving.recv() if ready else None
    finally:
        _RUNNING.discard(process)
        _end(process)
        receiving.close()
    if isinstance(result, Measured):
        return result
    if isinstance(result, str):
        return Measured(ended="exception", error=result, unmeasured="the program did not run")
    why = f"its process ended with status {process.exitcode}" if ready else f"stopped after {asked.seconds:g} s"
    told = "\n".join(part for part in (why, _last_lines(inside / OUTPUT)) if part)
    return Measured(ended="killed", error=told, seconds=perf_counter() - began, unmeasured=why)


def _start(process: Any, framework: Framework) -> None:
    """Without the main module, which a new process would import: it may be the user's script."""
    with _STARTING:
        if _METHOD == "forkserver":
            multiprocessing.get_context(_METHOD).set_forkserver_preload(preloaded(framework))
        own = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            with short_sockets():
                process.start()
        finally:
            sys.modules["__main__"] = own


def end_running() -> None:
    """End all runs that other threads wait for: each gives a Measured with `error`."""
    for process in list(_RUNNING):
        if process.pid is not None and os.name == "posix":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()


def _end(process: Any) -> None:
    """End the process and those that it has started."""
    process.join(0.2)
    if process.pid is not None and os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.is_alive():
        process.kill()
    process.join()


def _child(asked: Rerun, inside: str, sending: Any) -> None:
    if os.name == "posix":
        os.setsid()
        multiprocessing.set_start_method(None, force=True)  # the program's own workers start as they would by default
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        trial_of(asked.framework).alone()
        found: Measured | str = rerun(asked, Path(inside))
    except NetvetError as error:
        found = str(error)
    except BaseException as error:  # nothing that a trial does ends the study
        found = f"{type(error).__name__}: {error}"
    sending.send(found)
    sending.close()
    os._exit(0)  # threads and exit handlers of the program have nothing more to say


def _end_with_parent() -> None:
    """A study that was killed leaves no run behind."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    if os.name == "posix":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
