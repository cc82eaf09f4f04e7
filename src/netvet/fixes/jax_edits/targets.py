"""Targets of a program of JAX changed where their arrays are made."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.in_place import free
from netvet.fixes.jax_edits.arrays import change, held
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


def start_at_zero(program: Program) -> Iterator[Editor]:
    """The smallest label subtracted from all labels, behind the line that makes them."""
    low = _lowest(program)
    editor = program.editor("classes numbered from 0")
    change(editor, held(program, target=True), [], f"{{}} - {low}")
    yield editor


def _lowest(program: Program) -> int:
    for one in program.facts("targets"):
        low, high, outputs = (one.get(k) for k in ("min", "max", "outputs"))
        classes = one.get("phase") == "train" and one.get("kind") in ("classes", "sequence")
        if classes and low and high and outputs and low > 0 and outputs <= high < outputs + low:
            return int(low)
    raise NotApplicable("that the labels begin at another number than 0 is not known")


def standardise_target(program: Program) -> Iterator[Editor]:
    """Mean 0 and spread 1 of the training targets; those of evaluation by the same numbers."""
    record = next((r for r in program.facts("targets") if r.get("phase") == "train"), {})
    mean, std = record.get("mean"), record.get("std")
    if record.get("kind") != "regression" or mean is None or not std:
        raise NotApplicable("the targets are no numbers")
    if abs(mean) < 0.1 * std and 0.8 < std < 1.25:
        raise NotApplicable("the targets are standardised already")
    arrays = held(program, target=True)
    one, two = free(arrays.file, "target_mean", "target_std")
    editor = program.editor("standardised targets")
    head = [f"{one}, {two} = {arrays.code}.mean(0), {arrays.code}.std(0)"]
    change(editor, arrays, head, f"({{}} - {one}) / {two}")
    yield editor
