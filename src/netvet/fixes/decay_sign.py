"""A decay of the weights with the right sign."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loss_terms import penalty
from netvet.fixes.outputs import number
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called


@fix(
    title="the sign of the weight decay", mends=("growing-weights", "negated-loss", "loss-diverges"), changes_loss=True
)
def decay_sign(program: Program) -> Iterator[Editor]:
    """Add a penalty on the weights that is subtracted, and shrink weights that a decay written by hand makes larger.

    ## What it changes
    The minus sign before the penalty; or, in the step of an optimizer of the program's own, the plus sign in
    `p.mul_(1 + lr * decay)`.

    ## References
    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 1.
    """
    editor = program.editor("the sign of the weight decay")
    growing = [t for t in program.facts("loss_terms") if t.get("is_data") is False and t.get("away_from_zero") == 1.0]
    if growing:
        term = penalty(program)
        if not term.subtracted:
            raise NotApplicable("no minus sign stands before the penalty")
        editor.change(term.file, term.sum, _added)
        yield editor
        return
    found = [(file, one) for file in _optimizer_files(program) for one in _growth(file)]
    if len(found) != 1:
        raise NotApplicable("no penalty and no decay of the program's own makes the weights larger")
    file, node = found[0]
    editor.change(file, node, _subtracted)
    yield editor


def _added(old: cst.CSTNode) -> cst.CSTNode:
    if isinstance(old, cst.AugAssign):
        return old.with_changes(operator=cst.AddAssign())
    assert isinstance(old, cst.BinaryOperation)
    return old.with_changes(operator=cst.Add())


def _subtracted(old: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(old, cst.BinaryOperation)
    return old.with_changes(operator=cst.Subtract())


def _optimizer_files(program: Program) -> list[SourceFile]:
    """Files that hold an optimizer's class of the program itself."""
    found: list[SourceFile] = []
    for site in program.optimizers:
        held = [c for c in site.file.nodes(cst.ClassDef) if c.name.value == site.record.get("cls")]
        if held and all(f is not site.file for f in found):
            found.append(site.file)
    return found


def _growth(file: SourceFile) -> Iterator[cst.BinaryOperation]:
    """`1 + x` of `p.mul_(1 + x)` in a method named step."""
    for one in file.nodes(cst.Call):
        scope = file.function(one)
        if called(one) != "mul_" or len(one.args) != 1 or scope is None or scope.name.value != "step":
            continue
        factor = one.args[0].value
        added = isinstance(factor, cst.BinaryOperation) and isinstance(factor.operator, cst.Add)
        if isinstance(factor, cst.BinaryOperation) and added and number(factor.left) == 1:
            yield factor
