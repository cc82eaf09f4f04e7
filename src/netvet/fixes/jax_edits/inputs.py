"""Inputs of a program of JAX shifted and scaled where their arrays are made."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.in_place import free
from netvet.fixes.jax_edits.arrays import change, held
from netvet.fixes.jax_edits.places import package
from netvet.fixes.program import Program
from netvet.fixes.samples import training_input
from netvet.fixes.source import Editor, NotApplicable

# Of the largest spread: features below are constant but for rounding in float32, and are left as they are.
CONSTANT = "1e-6"
LEVELS = 255


def standardise(program: Program) -> Iterator[Editor]:
    """Mean 0 and spread 1 by the training samples: of each feature, then with one mean and one spread for all."""
    record = training_input(program)
    mean, std = record.get("mean"), record.get("std")
    if mean is None or not std:
        raise NotApplicable("the mean and std of the inputs are not known")
    means, spreads = record.get("feature_mean") or [mean], record.get("feature_std") or [std]
    if all(abs(m) < 0.1 and 0.8 < s < 1.25 for m, s in zip(means, spreads, strict=True)):
        raise NotApplicable("the inputs are standardised already")
    table = len(record.get("shape") or ()) == 2
    variants = [("each input feature standardised", "0")] if table else []
    for what, axis in (*variants, ("inputs standardised as a whole", "")):
        arrays = held(program, target=False)
        one, two = free(arrays.file, "mean", "std")
        head = [f"{one}, {two} = {arrays.code}.mean({axis}), {arrays.code}.std({axis})"]
        editor = program.editor(what)
        if axis:  # arrays of JAX cannot be written into
            np = package(editor, arrays.file, "numpy")
            head.append(f"{two} = {np}.where({two} < {CONSTANT} * {two}.max(), 1.0, {two})  # features that never vary")
        change(editor, arrays, head, f"({{}} - {one}) / {two}")
        yield editor


def centre(program: Program) -> Iterator[Editor]:
    """The mean of the training samples subtracted."""
    arrays = held(program, target=False)
    (one,) = free(arrays.file, "mean")
    axis = "0" if len(training_input(program).get("shape") or ()) == 2 else ""
    editor = program.editor("inputs centred")
    change(editor, arrays, [f"{one} = {arrays.code}.mean({axis})"], f"{{}} - {one}")
    yield editor


def scale_pixels(program: Program) -> Iterator[Editor]:
    """Pixels from 0 to 255 divided by 255."""
    record = training_input(program, floating=False)
    low, high = record.get("min"), record.get("max")
    if low is None or high is None or low < 0 or not 2 < high <= LEVELS or not record.get("integral"):
        raise NotApplicable("the inputs are no pixels between 0 and 255")
    editor = program.editor("pixels between 0 and 1")
    change(editor, held(program, target=False), [], f"{{}} / {LEVELS}")
    yield editor
