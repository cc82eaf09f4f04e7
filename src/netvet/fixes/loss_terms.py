"""The sum of terms that is the loss: which of them is a penalty, and where its coefficient stands."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from netvet.fixes.program import Program
from netvet.fixes.source import NotApplicable, SourceFile


@dataclass(frozen=True)
class Term:
    """One term that is added to a loss or subtracted from it.

    Args:
        sum: the addition, subtraction or `+=` that joins it.
    """

    file: SourceFile
    node: cst.BaseExpression
    sum: cst.BinaryOperation | cst.AugAssign

    @property
    def subtracted(self) -> bool:
        """It stands behind a minus sign."""
        return isinstance(self.sum.operator, (cst.Subtract, cst.SubtractAssign))


def penalty(program: Program) -> Term:
    """The only term without data.

    Raises:
        NotApplicable: no such term is joined to the loss at the place that the run names.
    """
    records = [t for t in program.facts("loss_terms") if False in (t.get("is_data"), t.get("compares"))]
    data = [t for t in program.facts("loss_terms") if t.get("is_data") is True and t.get("compares") is not False]
    if len(records) != 1:
        raise NotApplicable(f"the loss has {len(records)} terms without data, and one is meant")
    file, line = program.file(records[0])
    lines = {int(t["line"]) for t in data if t.get("line")}
    found = _terms(file, line)
    if not found and program.facts("backwards"):
        found = _joined(program, file)
    kept = [t for t in found if not _holds_data(t, lines)]
    if len(kept) != 1:
        raise NotApplicable("where the penalty is added to the loss is not known")
    return kept[0]


def _terms(file: SourceFile, line: int) -> list[Term]:
    """The terms of the sum that covers a line."""
    for one in file.at(line, cst.AugAssign):
        if isinstance(one.operator, (cst.AddAssign, cst.SubtractAssign)) and not _in_sum(file, one):
            return [Term(file, one.value, one)]
    sums = [b for b in file.at(line, cst.BinaryOperation) if isinstance(b.operator, (cst.Add, cst.Subtract))]
    statements = [b for b in sums if isinstance(file.parent(b), (cst.Assign, cst.Return))]
    if not statements:
        calls = [b for b in sums if isinstance(file.parent(b), cst.Attribute)]
        statements = calls if len(calls) == 1 else []
    return _split(file, statements[-1]) if statements else []


def _joined(program: Program, file: SourceFile) -> list[Term]:
    """The terms of the sum that is given to backward, by its name."""
    found: list[Term] = []
    for site in program.backwards:
        owner = site.call.func.value if isinstance(site.call.func, cst.Attribute) else None
        if not isinstance(owner, cst.Name) or site.file is not file:
            continue
        for one in file.nodes(cst.Assign):
            target = one.targets[0].target
            same = isinstance(target, cst.Name) and target.value == owner.value
            if same and isinstance(one.value, cst.BinaryOperation) and file.function(one) is file.function(site.call):
                found += _split(file, one.value)
        for other in file.nodes(cst.AugAssign):
            same = isinstance(other.target, cst.Name) and other.target.value == owner.value
            if same and isinstance(other.operator, (cst.AddAssign, cst.SubtractAssign)):
                found.append(Term(file, other.value, other))
    return found


def _in_sum(file: SourceFile, one: cst.AugAssign) -> bool:
    """A loop over parameters that collects a norm, whose coefficient stands elsewhere."""
    held = isinstance(one.value, cst.BinaryOperation) and isinstance(one.value.operator, (cst.Multiply, cst.Divide))
    return (
        not held
        and any(True for _ in file.around(one, cst.For))
        and "param" in file.code(next(file.around(one, cst.For)).iter)
    )


def _split(file: SourceFile, node: cst.BinaryOperation) -> list[Term]:
    if not isinstance(node.operator, (cst.Add, cst.Subtract)):
        return []
    right = [Term(file, node.right, node)]
    if isinstance(node.left, cst.BinaryOperation) and isinstance(node.left.operator, (cst.Add, cst.Subtract)):
        return [*_split(file, node.left), *right]
    return [Term(file, node.left, node), *right]


def _holds_data(term: Term, lines: set[int]) -> bool:
    """It is a value that was computed on a line on which a term with data was, or holds one computed on its own."""
    from netvet.fixes.outputs import source

    made = source(term.file, term.node)
    if isinstance(term.node, cst.Name):
        start = term.file.line(made) if made is not term.node else 0
        return any(start <= line <= start + term.file.code(made).count("\n") for line in lines)
    if isinstance(term.node, cst.Call):  # criterion(...) in the sum itself
        return len(term.node.args) >= 2 and term.file.line(term.node) in lines
    return False
