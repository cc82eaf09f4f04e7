"""What is kept of a step, without its graph."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

KEEPING = ("append", "add", "extend", "put", "insert")
CLOSED = (cst.Name, cst.Attribute, cst.Subscript, cst.Call)


@fix(title="losses kept without their graphs", mends=("retained-graph",))
def detach_kept(program: Program) -> Iterator[Editor]:
    """Detach the losses and outputs that are added up or put into a list.

    ## What it changes
    `.detach()` behind what is kept; sums and lists of tensors work as before.

    ## References
    PyTorch FAQ, "Don't accumulate history across your training loop".
    """
    editor = program.editor("losses kept without their graphs")
    places = {(str(r["file"]), int(r["line"])) for r in program.facts("retained_losses") if r.get("file")}
    if not places:
        raise NotApplicable("the line that keeps the graphs is not known")
    for path, line in places:
        file = program.sources.file(path)
        value = _kept(file, line)
        editor.replace(file, value, "{}.detach()" if isinstance(value, CLOSED) else "({}).detach()")
    yield editor


def _kept(file: SourceFile, line: int) -> cst.BaseExpression:
    for one in file.at(line, cst.AugAssign):
        return one.value
    for call in file.calls(line, *KEEPING):
        if len(call.args) == 1 and called(call) != "extend":
            return call.args[0].value
    for assigned in file.at(line, cst.Assign):
        if isinstance(assigned.value, cst.BinaryOperation) and isinstance(assigned.value.operator, cst.Add):
            name = file.code(assigned.targets[0].target)
            if file.code(assigned.value.left) == name:
                return assigned.value.right
        elif isinstance(assigned.value, CLOSED):
            return assigned.value
    raise NotApplicable("nothing is added up or put into a list where the graphs are kept")
