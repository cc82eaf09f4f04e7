"""Inputs in float32."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.dtypes import complaint, model_calls
from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="inputs in float32", mends=("wrong-dtype",))
def float_inputs(program: Program) -> Iterator[Editor]:
    """Convert what enters the model to float32, the type of its weights.

    ## What it changes
    `.float()` on the line that makes the data, where it makes them all; else where the model is called, in training and
    evaluation.

    ## Known problems
    A model that is meant to be in float64 needs `model.double()` in its place.

    ## References
    The documentation of `torch.get_default_dtype`; numpy's arrays are float64 unless told otherwise.
    """
    complaint(program)
    inputs = [
        r for r in program.facts("inputs") if r.get("phase") == "train" and r.get("dtype") not in (None, "float32")
    ]
    if not inputs or any("embedding_rows" in r and r["embedding_rows"] for r in inputs):
        raise NotApplicable("the inputs of the model are float32, or numbers of tokens")
    editor = program.editor("inputs in float32")
    if (len(inputs) == 1 and not _where_made(program, editor, inputs[0])) or len(inputs) > 1:
        _where_called(program, editor)
    yield editor


def _where_made(program: Program, editor: Editor, record) -> bool:  # type: ignore[no-untyped-def]
    """Whether one statement of a function, or the only one at all, makes the data as a tensor."""
    try:
        file, line = program.file(record, "scale_" if record.get("scale_file") else "data_")
        statement = file.statement(line)
    except NotApplicable:
        return False
    one = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if not isinstance(one, cst.Assign) or not isinstance(one.value, cst.Call):
        return False
    if file.code(one.value.func) not in ("torch.from_numpy", "torch.as_tensor", "from_numpy"):
        return False
    makers = [c for c in file.nodes(cst.Call) if file.code(c.func) == file.code(one.value.func)]
    scope = file.function(statement)
    if scope is None and len(makers) > 2:  # one for inputs and one for targets: those of evaluation are cut from them
        return False
    editor.replace(file, one.value, "{}.float()")
    return True


def _where_called(program: Program, editor: Editor) -> None:
    for file, call in model_calls(program):
        if not call.args or call.args[0].star:
            raise NotApplicable("what enters the model does not stand by itself")
        node = call.args[0].value
        editor.replace(file, node, f"{held(node)}.float()")
