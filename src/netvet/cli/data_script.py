"""`netvet data train.py`: the data of a program, as it reads them itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from netvet.cli.options import STDOUT, Asked, absolute, is_setup, setup_name

if TYPE_CHECKING:
    from netvet.core import Record
    from netvet.data.audit import Found
    from netvet.data.readers.torch_data import Part, TorchData
    from netvet.data.script import Ran

Tell = Callable[..., int]


@dataclass(frozen=True)
class Program:
    """A script with its arguments, or a function that gives data sets.

    Args:
        whole: train to the end; `seconds`: for reading the data; `task`: as the user says.
        pictures: folder for sheets of what enters the net.
        random: leave random transforms of data sets in.
        said: parts of a batch with groups and times, as the user names them.
        search: lists samples of what was found, in place of the report, and gives the exit code.
    """

    target: str
    arguments: tuple[str, ...]
    is_module: bool
    whole: bool
    seconds: float
    task: str | None
    pictures: Path | None = None
    random: bool = True
    said: Mapping[str, str] = field(default_factory=dict)
    search: Callable[[Found], int] | None = None

    @classmethod
    def of(cls, targets: Sequence[str], options: dict[str, Any]) -> Program | None:
        """What the user asked to run; None where the targets are files with data."""
        target = targets[0]
        if not options["is_module"] and not _is_program(target):
            return None
        chosen = {name: options[name] for name in ("is_module", "whole", "seconds", "task")}
        on = options["transforms"] == "on"
        said = {name: options[name] for name in ("group", "time") if options[name]}
        return cls(target, tuple(targets[1:]), **chosen, pictures=absolute(options["pictures"]), random=on, said=said)


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
    if path == "hf":  # a data set of Hugging Face
        return False
    return (path.endswith(".py") and "=" not in target) or (
        "=" not in target and "/" not in target and is_setup(target, False)
    )


def run_program(program: Program, asked: Asked, tell: Tell) -> int:
    """Run the script, read its data, and report."""
    from netvet.capture.runner import RunOptions
    from netvet.core import NetvetError
    from netvet.data.audit import write_into
    from netvet.data.axes import convolved, mixed_axes
    from netvet.data.net_inputs import net_inputs
    from netvet.data.script import read_script

    store, stream = asked.store.absolute(), sys.stdout
    chosen = RunOptions(program.target, program.is_module, program.arguments, store, probes=False)
    ran = read_script(chosen, whole=program.whole)
    ended = 0 if ran.stopped else ran.outcome.script_status
    assert ran.outcome.run_path is not None
    if not ran.parts:
        return _without_parts(ran, ended, tell)
    stream.write("\n")
    try:
        source, found = _audited(ran.parts, Path(program.target).name, program)
    except NetvetError as error:  # of what the run saw itself there is still something to say
        return _without_parts(replace(ran, reason=str(error)), ended, tell)
    more: dict[str, list[Record]] = {"net_inputs": net_inputs(ran.shown, program.pictures)}
    mixed = mixed_axes(ran.shown, convolved(ran.snapshots.model))
    if mixed:
        more["split_layout"] = [*found.signals.get("split_layout", ()), *mixed]
    missing, losses = "", _losses(source, ran, program)
    if isinstance(losses, str):
        missing = losses
    else:
        more["sample_losses"] = [losses]
    missed = {name: why for name, why in found.missing.items() if name not in more}
    missed |= {"sample_losses": missing} if missing else {}
    write_into(replace(found, missing=missed), ran.outcome.run_path, more, ran.stopped)
    if program.search is not None:
        return ended or program.search(found)
    status = tell(ran.outcome.run_path, (*ran.outcome.problems, *ran.notes, *source.notes, *found.notes))
    if STDOUT not in (asked.json, asked.sarif):
        stream.write("".join(f"{line}\n" for line in lines_of({**found.signals, **more})))
    return ended or status


def _without_parts(ran: Ran, ended: int, tell: Tell) -> int:
    """Nothing to read: what the run has recorded itself is all there is."""
    from netvet.core import NetvetError
    from netvet.data.audit import mark
    from netvet.store import Run

    assert ran.outcome.run_path is not None
    run: Any = Run.open(ran.outcome.run_path)
    if not run.get("inputs"):
        if not ended:
            raise NetvetError(ran.reason)
        sys.stderr.write(f"netvet: error: {ran.reason}\n")
        return ended
    mark(ran.outcome.run_path, ran.stopped)
    note = f"only what the run saw of its data is judged: {ran.reason}"
    status = tell(ran.outcome.run_path, (*ran.outcome.problems, note))
    return ended or status


def _losses(source: TorchData, ran: Ran, program: Program) -> Record | str:
    """The record of `sample_losses`, or why there is none."""
    from netvet.data.faults import NotAssessable
    from netvet.data.sample_losses import measured, record

    split = ran.parts[0].split
    if ran.way is None or split != "train":
        return "the loop changes samples or targets between the loader and the model or the loss"
    try:
        return record(measured(source, split, ran.way, ran.snapshots, program.seconds / 2), split)
    except NotAssessable as reason:
        return str(reason)


def lines_of(signals: Mapping[str, Sequence[Record]]) -> list[str]:
    """What a person wants to know of the signals besides findings: what enters the net, and whose the loss is."""
    from netvet.data.sample_losses import told

    lines = [_enters(one) for one in signals["net_inputs"]]
    for one in signals.get("sample_losses", ()):
        lines += told(one, signals)
        if one["never_fell"]:
            part = "" if one["never_fell_loss"] is None else f", with {one['never_fell_loss']:.0%} of the final loss"
            keys = ", ".join(e["key"] for e in one["never_fell_examples"][:5])
            lines.append(f"The loss of {one['never_fell']:,} of {one['samples']:,} samples of {one['split']} has never "
                         f"fallen{part}: {keys}")  # fmt: skip
    return lines


def _enters(one: Record) -> str:
    shape = "x".join(str(n) for n in one["shape"])
    what = f"{one['split']} enters the net as {one['kind']} of {shape or 'one number'}"
    if one["low"] is not None:
        what += f", from {one['low']:.3g} to {one['high']:.3g}"
    if one["normalisation"] is not None:
        sure = "" if one["certain"] or one["normalisation"] == "undetermined" else " (a guess)"
        what += f", normalisation {one['normalisation']}{sure}, colours {one['colours']}"
    return what + (f": {one['file']}" if one["file"] else "")


def run_setup(program: Program, asked: Asked, tell: Tell) -> int:
    """Read the data sets that a function gives, and report."""
    from netvet.data.audit import write
    from netvet.data.script import setup_parts
    from netvet.experiments.named import result_of

    began = perf_counter()
    given = result_of(program.target, "a torch Dataset, a DataLoader, or a dict of these by split")
    name = setup_name(program.target)
    source, found = _audited(setup_parts(given, program.target), name, program)
    if program.search is not None:
        return program.search(found)
    return tell(write(found, asked.store.absolute(), name, began), (*source.notes, *found.notes))


def _without_random(part: Part, notes: list[str]) -> Part:
    from netvet.data.readers.transforms import plain

    dataset, left = plain(part.dataset)
    told = f"without {', '.join(left)}" if left else "as they are: no random transforms were found in the data set"
    notes.append(f"samples of {part.split} were read {told} (--transforms off)")
    return replace(part, dataset=dataset)


def _audited(parts: Sequence[Part], name: str, program: Program) -> tuple[TorchData, Found]:
    from netvet.cli.recipe import Progress
    from netvet.data.audit import Options, audit
    from netvet.data.readers.torch_data import TorchData
    from netvet.data.thumbnails import with_thumbnails

    notes: list[str] = []
    if not program.random:
        parts = [_without_random(part, notes) for part in parts]
    source = TorchData(parts, name, program.seconds, notes=notes, said=tuple(program.said.values()))
    with Progress(sys.stderr) as progress:
        chosen = Options(program.task, live=True, facts={"changing": tuple(source.changing), **program.said})
        found = audit(source, replace(chosen, tell=lambda now: progress.tell(now.line)))
    if program.search is None:
        with_thumbnails(found, source)
    return source, found
