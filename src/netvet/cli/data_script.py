"""`netvet data train.py`: the data of a program, as it reads them itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from netvet.cli.options import Asked, absolute, is_setup, setup_name

if TYPE_CHECKING:
    from netvet.data.audit import Found
    from netvet.data.readers.torch_data import Part, TorchData

Tell = Callable[..., int]


@dataclass(frozen=True)
class Program:
    """A script with its arguments, or a function that gives data sets.

    Args:
        whole: train to the end; `seconds`: for reading the data; `task`: as the user says.
        pictures: folder for sheets of what enters the net.
    """

    target: str
    arguments: tuple[str, ...]
    is_module: bool
    whole: bool
    seconds: float
    task: str | None
    pictures: Path | None = None

    @classmethod
    def of(cls, targets: Sequence[str], options: dict[str, Any]) -> Program | None:
        """What the user asked to run; None where the targets are files with data."""
        target = targets[0]
        if not options["is_module"] and not _is_program(target):
            return None
        chosen = (options[name] for name in ("is_module", "whole", "seconds", "task"))
        return cls(target, tuple(targets[1:]), *chosen, absolute(options["pictures"]))


def program_in(arguments: list[str]) -> list[str]:
    """The arguments of the command, with `--` before what belongs to a program."""
    if "--" in arguments:
        return arguments
    modules = [i + 1 for i, one in enumerate(arguments) if one == "-m" and i + 1 < len(arguments)]
    found = modules or [i for i, one in enumerate(arguments) if not one.startswith("-") and _is_program(one)]
    if not found:
        return arguments
    return [*arguments[: found[0]], "--", *arguments[found[0] :]]


def _is_program(target: str) -> bool:
    path, _, _ = target.partition(":")
    return (path.endswith(".py") and "=" not in target) or (
        "=" not in target and "/" not in target and is_setup(target, False)
    )


def run_program(program: Program, asked: Asked, tell: Tell) -> int:
    """Run the script, read its data, and report."""
    from netvet.capture.torch_runner import RunOptions
    from netvet.core import NetvetError
    from netvet.data.audit import write_into
    from netvet.data.net_inputs import net_inputs
    from netvet.data.script import read_script

    store, stream = asked.store.absolute(), sys.stdout
    chosen = RunOptions(program.target, program.is_module, program.arguments, store, probes=False)
    ran = read_script(chosen, whole=program.whole)
    ended = 0 if ran.stopped else ran.outcome.script_status
    if ran.reason and not ended:
        raise NetvetError(ran.reason)
    if ran.reason:
        sys.stderr.write(f"netvet: error: {ran.reason}\n")
        return ended
    stream.write("\n")
    source, found = _audited(ran.parts, Path(program.target).name, program)
    assert ran.outcome.run_path is not None
    entered = net_inputs(ran.shown, program.pictures)
    write_into(found, ran.outcome.run_path, {"net_inputs": entered}, ran.stopped)
    status = tell(ran.outcome.run_path, (*ran.outcome.problems, *ran.notes, *source.notes))
    return ended or status


def run_setup(program: Program, asked: Asked, tell: Tell) -> int:
    """Read the data sets that a function gives, and report."""
    from netvet.data.audit import write
    from netvet.data.script import setup_parts
    from netvet.experiments.named import result_of

    began = perf_counter()
    given = result_of(program.target, "a torch Dataset, a DataLoader, or a dict of these by split")
    name = setup_name(program.target)
    source, found = _audited(setup_parts(given, program.target), name, program)
    return tell(write(found, asked.store.absolute(), name, began), tuple(source.notes))


def _audited(parts: Sequence[Part], name: str, program: Program) -> tuple[TorchData, Found]:
    from netvet.cli.recipe import Progress
    from netvet.data.audit import Options, audit
    from netvet.data.readers.torch_data import TorchData

    source = TorchData(parts, name, program.seconds)
    with Progress(sys.stderr) as progress:
        return source, audit(source, Options(program.task, live=True, tell=lambda now: progress.tell(now.line)))
