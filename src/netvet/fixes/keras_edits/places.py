"""Where a Keras program makes its optimizer and its layers, compiles its model, and fits it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

# Positions of what Keras takes in order.
COMPILE = {"optimizer": 0, "loss": 1}
Given = tuple[cst.BaseExpression, cst.BaseExpression]
FIT = {"x": 0, "y": 1, "batch_size": 2, "epochs": 3}


def optimizer_record(program: Program) -> Record:
    """The only one.

    Raises:
        NotApplicable: there are several, or none was seen.
    """
    found = program.facts("optimizers")
    if len(found) != 1:
        raise NotApplicable(f"{len(found)} optimizers were seen, and which is meant is not known")
    return found[0]


def fit(program: Program) -> Site:
    """The call of `fit` in which the model was trained.

    Raises:
        NotApplicable: it is in no file of the program.
    """
    places = [(one, "step_") for one in program.facts("optimizers")]
    if not places:  # the first step has failed
        places = [(one, "") for one in (*program.facts("loaders"), *program.facts("inputs"))]
    if not places:
        raise NotApplicable("the call of fit was not seen")
    return program.site(places[0][0], "fit", prefix=places[0][1])


def compiling(program: Program) -> Site:
    """The call of `compile` that gave the model its loss and its optimizer.

    Raises:
        NotApplicable: it is not found.
    """
    for record in (*program.facts("losses"), *program.facts("optimizers")):
        try:
            return program.site(record, "compile")
        except NotApplicable:
            continue
    file, line = program.file(optimizer_record(program), "step_")
    found = [c for c in file.nodes(cst.Call) if called(c) == "compile" and argument(c, "optimizer", 0) is not None]
    if len(found) != 1:
        raise NotApplicable(f"where the model of {file.path}:{line} is compiled is not known")
    return Site(file, found[0], {})


def value_of(site: Site, name: str, position: int | None = None) -> Given | None:
    """What an argument of a call is given, and what that stands for where it is a variable with one assignment."""
    given = argument(site.call, name, position)
    if given is None:
        return None
    return given.value, meant(site.file, site.call, given.value)


def meant(file: SourceFile, at: cst.CSTNode, value: cst.BaseExpression) -> cst.BaseExpression:
    """What a variable stands for where it has one assignment; anything else as it is."""
    if not isinstance(value, cst.Name):
        return value
    around = file.function(at)
    found = [
        one.value
        for one in file.nodes(cst.Assign)
        if file.function(one) is around
        and any(isinstance(t.target, cst.Name) and t.target.value == value.value for t in one.targets)
    ]
    return found[0] if len(found) == 1 else value


def text(node: cst.BaseExpression) -> str | None:
    """The words of a string; None where it is none."""
    found = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return found if isinstance(found, str) else None


def keras(editor: Editor, file: SourceFile, part: str) -> str:
    """`keras.optimizers`, say, as a file can call it: it imports Keras under some name, or is made to."""
    code = "\n".join(file.code(s) for s in _imports(file))
    for pattern, made in (
        (rf"^\s*import keras\.{part} as (\w+)$", "{}"), (rf"^\s*from keras import .*\b{part} as (\w+)", "{}"),
        (rf"^\s*from (?:tensorflow\.)?keras import (?:[\w, ]*\b)?({part})\b", "{}"),
        (r"^\s*import (keras)$", "{}." + part), (r"^\s*import keras as (\w+)$", "{}." + part),
        (r"^\s*from tensorflow import (keras)\b", "{}." + part),
        (r"^\s*import tensorflow as (\w+)$", "{}.keras." + part), (r"^\s*import (tensorflow)$", "{}.keras." + part),
    ):  # fmt: skip
        found = re.search(pattern, code, re.MULTILINE)
        if found is not None:
            return made.format(found[1])
    editor.require(file, "keras", "import keras")
    return f"keras.{part}"


def _imports(file: SourceFile) -> Iterator[cst.CSTNode]:
    yield from (*file.nodes(cst.Import), *file.nodes(cst.ImportFrom))
