"""Dropout that knows whether the model is trained."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import is_module, set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")


@fix(title="dropout told whether the model is trained", mends=("evaluation-in-train-mode",))
def pass_training(program: Program) -> Iterator[Editor]:
    """Hand `training=self.training` to dropout that is called as a function.

    ## What it changes
    Calls of `functional.dropout` in the methods of a module, which draw in evaluation mode without it.

    ## Known problems
    Dropout that is on at evaluation on purpose, to sample predictions, is off after it.

    ## References
    The documentation of `torch.nn.functional.dropout`: `training` is True by default.
    """
    drawing = [r for r in program.facts("eval_repeat") if "dropout" in str(r.get("op")) and r.get("file")]
    if not drawing:
        raise NotApplicable("no dropout is called as a function in evaluation mode")
    editor, found = program.editor("dropout told whether the model is trained"), False
    for file in {program.file(r)[0].path: program.file(r)[0] for r in drawing}.values():
        for call in file.nodes(cst.Call):
            if called(call) in DROPOUTS and _is_function(file, call) and _always_on(file, call):
                set_argument(editor, Site(file, call, {}), "training", "self.training", 2)
                found = True
    if not found:
        raise NotApplicable("the dropout that draws in evaluation mode is called in no method of a module")
    yield editor


def _is_function(file: SourceFile, call: cst.Call) -> bool:
    """`F.dropout(x)` in a method, and not `self.dropout(x)`."""
    own = (
        isinstance(call.func, cst.Attribute)
        and isinstance(call.func.value, cst.Name)
        and call.func.value.value == "self"
    )
    imported = isinstance(call.func, cst.Name) and called(call) in file.imported
    function = file.function(call)
    params = function.params.params if function is not None else ()
    method = bool(params) and params[0].name.value == "self"
    return (
        method and not own and (imported or (isinstance(call.func, cst.Attribute) and is_module(call.func.value, file)))
    )


def _always_on(file: SourceFile, call: cst.Call) -> bool:
    given = argument(call, "training", 2)
    return given is None or file.code(given.value) == "True"
