"""A loss that keeps its graph."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.graphs import keep
from netvet.fixes.loops import assignments, names
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile


@fix(title="the graph kept", mends=("detached-loss", "detached-parameters", "loss-flat"))
def keep_graph(program: Program) -> Iterator[Editor]:
    """Take `detach()`, `item()`, `.data` or a new tensor away that stands between the weights and the loss.

    ## What it changes
    The expression that leaves the graph, and those of the variables in it.

    ## Known problems
    Where a part is meant to learn nothing, as the target of a bootstrap, the graph was cut on purpose.

    ## References
    The documentation of `torch.Tensor.detach` and `torch.Tensor.item`.
    """
    editor = program.editor("the graph kept")
    count = 0
    for record in program.facts("backwards"):
        if record.get("made_file") and not record.get("has_graph"):
            file, line = program.file(record, "made_")
            count += _value(editor, file, line)
    if not count:
        cuts = [c for c in program.facts("cuts") if c.get("inside") and c.get("file")]
        for place in {(str(c["file"]), int(c["line"])) for c in cuts}:
            file = program.sources.file(place[0])
            count += keep(editor, file, _small(file, place[1]))
    if not count:
        raise NotApplicable("nothing that leaves the graph stands where it is left")
    yield editor


def _small(file: SourceFile, line: int) -> cst.SimpleStatementLine:
    found = file.statement(line)
    if not isinstance(found, cst.SimpleStatementLine):
        raise NotApplicable("the graph is left at the head of a block")
    return found


def _value(editor: Editor, file: SourceFile, line: int) -> int:
    """The statement that made the loss, and what its variables were given."""
    todo: list[cst.CSTNode] = [_small(file, line)]
    seen: set[int] = set()
    count = 0
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        count += keep(editor, file, one)
        for name in names(one):
            last = assignments(file, one, name)[:1]
            todo += [a for a in last if file.line(a) < file.line(one) and _is_loss(file, a)]
    return count


def _is_loss(file: SourceFile, node: cst.Assign) -> bool:
    """What is looked at further up: a number that was taken out of a tensor, or a sum of such."""
    code = file.code(node.value)
    return ".item()" in code or ".detach()" in code or isinstance(node.value, cst.BinaryOperation)
