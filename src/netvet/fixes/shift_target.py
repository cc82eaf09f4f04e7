"""Targets that are the next element of the input."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import LossCall, loss_calls
from netvet.fixes.outputs import SHAPES
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

FUNCTIONS = ("cross_entropy", "nll_loss")


@fix(
    title="the next element as target", mends=("target-in-input", "future-leak"), changes_loss=True, corrects_score=True
)
def shift_target(program: Program) -> Iterator[Editor]:
    """Ask the model for the next element of a sequence where it is asked for the one that it is shown.

    ## What it changes
    Where the targets are cut out of the data as the inputs are: their slice begins and ends one later. Else, in the
    loss of training and evaluation: outputs but the last, `out[:, :-1]`, against targets but the first, `y[:, 1:]`.

    ## Known problems
    Samples of the data must be long enough for a slice that ends one later. The second form takes the second axis for
    that of the positions.

    ## References
    Bengio et al., "A neural probabilistic language model" (2003), equation 1: the probability of the next word.
    """
    copied = any(r.get("shifted_identity") for r in program.facts("target_in_input"))
    if not copied and not any(r.get("shift") == 0 for r in program.facts("future_leak")):
        raise NotApplicable("the targets are not the inputs at the same positions")
    editor = program.editor("the next element as target")
    calls = loss_calls(program, *FUNCTIONS)
    places = {(c.record.get("target_file"), c.record.get("target_line")) for c in calls}
    if len(places) == 1 and _later(program, editor, calls[0]):
        yield editor
        return
    editor = program.editor("the next element as target")
    for call in calls:
        _outputs_but_the_last(editor, call)
    yield editor


def _later(program: Program, editor: Editor, call: LossCall) -> bool:
    """Whether the slice that cuts out the targets could be moved; that of the inputs has to be the same."""
    if not call.record.get("target_file"):
        return False
    file, line = program.file(call.record, "target_")
    statement = file.statement(line)
    mine = _slices(file, statement)
    scope = file.function(statement)
    alike = [
        s for s in file.nodes(cst.Slice)
        if file.function(s) is scope and file.statement_of(s) is not statement and any(s.deep_equals(m) for m in mine)
    ]  # fmt: skip
    if len(mine) != 1 or not alike or mine[0].step is not None:
        return False
    for bound in (mine[0].lower, mine[0].upper):
        if bound is not None:
            editor.replace(file, bound, "{} + 1")
    if mine[0].lower is None:
        editor.change(file, mine[0], lambda old: old.with_changes(lower=cst.Integer("1")))
    return True


def _slices(file: SourceFile, statement: cst.CSTNode) -> list[cst.Slice]:
    return [s for s in file.nodes(cst.Slice) if file.statement_of(s) is statement]


def _outputs_but_the_last(editor: Editor, call: LossCall) -> None:
    file = call.site.file
    for node, cut in ((call.input(), "[:, :-1]"), (call.target(), "[:, 1:]")):
        inner = _unshaped(node)
        if isinstance(inner, cst.Name) and inner is node and len(_shape(call, node is call.input())) == 1:
            raise NotApplicable(f"{inner.value} has lost its axis of positions before it enters the loss")
        code = file.code(inner)
        made = file.code(node).replace(code, held(inner).replace("{}", code) + cut, 1).replace(".view(", ".reshape(")
        if inner is not node and code not in file.code(node):
            raise NotApplicable("the outputs do not stand by themselves in the loss")
        _put(editor, file, node, made)


def _put(editor: Editor, file: SourceFile, node: cst.BaseExpression, code: str) -> None:
    editor.change(file, node, lambda _: cst.parse_expression(code))


def _shape(call: LossCall, first: bool) -> list[int]:
    return list((call.record.get("input" if first else "target") or {}).get("shape") or ())


def _unshaped(node: cst.BaseExpression) -> cst.BaseExpression:
    """`model(x)` of `model(x).flatten(0, 1)`."""
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and called(node) in SHAPES:
        node = node.func.value
    return node
