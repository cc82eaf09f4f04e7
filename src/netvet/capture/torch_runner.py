"""Run a user's script or module in this process, watched from outside."""

from __future__ import annotations

import os
import runpy
import sys
import types
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from netvet.capture.torch_errors import innermost_file, show, text_of
from netvet.capture.torch_live import Ending, Live, LiveOptions, Source
from netvet.capture.torch_stop import Stopper
from netvet.core import NetvetError, TrainingStopped


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
    name = options.target if options.is_module else Path(options.target).stem
    chosen = LiveOptions(
        options.store, name, options.overhead, options.every, options.deep, options.probes, options.stopper
    )
    live = Live(Source(options.target, options.arguments), chosen)
    live.begin()
    with options.observe(live) if options.observe else nullcontext():
        ending = _execute(options)
        live.finish(ending)
    live.close(ending)
    return Outcome(live.path, ending.status, text_of(ending.error), live.problems())


def _execute(options: RunOptions) -> Ending:
    try:
        (_execute_module if options.is_module else _execute_script)(options)
    except SystemExit as leave:
        if leave.code is not None and not isinstance(leave.code, int):
            sys.stderr.write(f"{leave.code}\n")  # what Python itself does with sys.exit("message")
        return Ending.of(leave)
    except TrainingStopped as stopped:
        sys.stdout.flush()
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
    exec(compile(path.read_bytes(), str(path), "exec"), main.__dict__)


def _execute_module(options: RunOptions) -> None:
    sys.argv = [options.target, *options.arguments]
    sys.path[0:1] = [os.getcwd()]
    try:
        runpy.run_module(options.target, run_name="__main__", alter_sys=True)
    except ImportError as error:
        if "runpy" not in innermost_file(error):  # the module was found: the error is its own
            raise
        raise NetvetError(f"no such module: {options.target!r}; expected a module that `python -m` can run") from None
