"""What enters a Keras model, scaled by a first layer: so that evaluation and prediction have it, too."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.keras_edits.models import each, front, layers, prefix
from netvet.fixes.keras_edits.places import FIT, fit
from netvet.fixes.preprocessing import numbers
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.scale_pixels import BYTES
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside

# Features that vary less than this share of the one that varies most are near constant: a held-out sample of another
# value would become huge.
NEAR_CONSTANT = 1e-3
# Numbers that are written into a program.
MOST_NUMBERS = 16


def scale_pixels(program: Program) -> Iterator[Editor]:
    """A first layer `Rescaling(1 / 255)`."""
    record, site = _entering(program)
    low, high = record.get("min"), record.get("max")
    if low is None or high is None or low < 0 or not 2 < high <= 255 or not _picture(record):
        raise NotApplicable("the inputs are no pixels between 0 and 255")
    most = 255 if high > BYTES else int(high)
    editor = program.editor(f"inputs divided by {most}")
    front(editor, site, f"{prefix(editor, site)}Rescaling(1 / {most})")
    yield editor


def standardise(program: Program) -> Iterator[Editor]:
    """A first layer `Normalization`, adapted to the training data: each feature by itself, then all as one."""
    record, site = _entering(program)
    mean, std = record.get("mean"), record.get("std")
    if mean is None or not std:
        raise NotApplicable("the mean and std of the inputs are not known")
    means, stds = record.get("feature_mean") or [], record.get("feature_std") or []
    if means and all(abs(m) < 0.1 and 0.8 < s < 1.25 for m, s in zip(means, stds, strict=True)):
        raise NotApplicable("the inputs are standardised already")
    if stds and min(stds) > NEAR_CONSTANT * max(stds):
        yield _normalised(program, site, "each input feature standardised", "", means, stds)
    yield _normalised(program, site, "inputs standardised as a whole", "axis=None", [mean], [std])


def input_norm(program: Program) -> Iterator[Editor]:
    """A first layer `BatchNormalization`."""
    _, site = _entering(program)
    editor = program.editor("a batch norm of the inputs")
    front(editor, site, f"{prefix(editor, site)}BatchNormalization()")
    yield editor


def clean_data(program: Program) -> Iterator[Editor]:
    """`np.nan_to_num` around what `fit`, `evaluate` and `predict` are given."""
    if not any(r.get("nonfinite") for r in program.facts("inputs")):
        raise NotApplicable("all inputs are finite")
    site = fit(program)
    editor = program.editor("missing values filled in")
    for value in _given_inputs(site.file):
        editor.replace(site.file, value, "np.nan_to_num({}, posinf=0.0, neginf=0.0)")
    editor.require(site.file, "np", "import numpy as np")
    yield editor


def defined(file: SourceFile, value: cst.BaseExpression, at: cst.CSTNode) -> bool:
    """The names of an expression have their values before a statement, and keep them."""
    line, around = file.line(file.statement_of(at)), file.function(at)
    names = {n.value for n in inside(value, cst.Name)} - _attributes(value)
    for name in names - file.imported:
        bound = [
            file.line(one) for one in file.nodes(cst.Assign)
            if file.function(one) is around and any(name in _targets(t.target) for t in one.targets)
        ]  # fmt: skip
        given = around is not None and name in {p.name.value for p in around.params.params}
        if (not bound and not given) or any(one >= line for one in bound):
            return False
    return file.function(value) is around


def _normalised(program: Program, site: Site, what: str, axis: str, means: list[float], stds: list[float]) -> Editor:
    editor = program.editor(what)
    made = f"{prefix(editor, site)}Normalization"
    given = argument(fit(program).call, "x", FIT["x"])
    arrays = any(r.get("dataset") == "ArrayDataAdapter" for r in program.facts("loaders"))
    if arrays and given is not None and fit(program).file is site.file and defined(site.file, given.value, site.call):
        name = "scaling" if "scaling" not in {n.value for n in site.file.nodes(cst.Name)} else "input_scaling"
        lines = f"{name} = {made}({axis})\n{name}.adapt({site.code(given.value)})\n"
        editor.insert(site.file, site.call, before=lines)
        front(editor, site, name)
        return editor
    if len(means) > MOST_NUMBERS:
        raise NotApplicable("the training data are not known where the model is made")
    listed = [numbers(means), numbers([s * s for s in stds])]
    if axis:
        front(editor, site, f"{prefix(editor, site)}Rescaling(1 / {numbers(stds)}, offset={-means[0] / stds[0]:.6g})")
    else:
        front(editor, site, f"{made}(mean=[{listed[0]}], variance=[{listed[1]}])")
    return editor


def _entering(program: Program) -> tuple[Record, Site]:
    """The record of the training inputs, and the first layer.

    Raises:
        NotApplicable: there are several inputs, they are ids, or the first layer is not found.
    """
    records = [r for r in program.facts("inputs") if r.get("phase") == "train"]
    every = layers(program)
    if len(records) != 1:
        raise NotApplicable(f"{len(records)} inputs were seen, and one is meant")
    if not every:
        raise NotApplicable("the layers of the model are not known")
    if every[0].get("cls") in ("Embedding", "Normalization", "Rescaling", "BatchNorm1d", "BatchNorm2d"):
        raise NotApplicable(f"the first layer is of the kind {every[0].get('cls')}")
    return records[0], each(program, every[:1])[0]


def _picture(record: Record) -> bool:
    """Whole numbers, or multiples of one that go up to 255, as pixels of fewer bits are."""
    return bool(record.get("integral")) or (record.get("max") == 255 and record.get("min") == 0)


def _given_inputs(file: SourceFile) -> Iterator[cst.BaseExpression]:
    for call in file.nodes(cst.Call):
        if called(call) in ("fit", "evaluate", "predict") and isinstance(call.func, cst.Attribute):
            given = argument(call, "x", 0)
            if given is not None and (called(call) != "fit" or argument(call, "y", 1) is not None):
                yield given.value
            pair = argument(call, "validation_data")
            if pair is not None and isinstance(pair.value, cst.Tuple):
                yield pair.value.elements[0].value


def _targets(node: cst.BaseExpression) -> set[str]:
    return {n.value for n in inside(node, cst.Name)} if isinstance(node, (cst.Name, cst.Tuple)) else set()


def _attributes(value: cst.BaseExpression) -> set[str]:
    """Names that are attributes or keywords only."""
    every = [n.value for n in inside(value, cst.Name)]
    named = [a.attr.value for a in inside(value, cst.Attribute)]
    named += [a.keyword.value for a in inside(value, cst.Arg) if a.keyword is not None]
    return {name for name in named if every.count(name) == named.count(name)}
