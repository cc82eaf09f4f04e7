"""Divisions by a std of zero guarded."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import assigns, inside, targets, twins
from netvet.fixes.source import Editor, NotApplicable, called


@fix(title="divisions by zero guarded", mends=("non-finite-input", "unscaled-input"))
def guard_division(program: Program) -> Iterator[Editor]:
    """Divide by 1 where the divisor is 0, as scikit-learn's StandardScaler does.

    ## What it changes
    The divisor at the line that makes the data, and in the lines that say the same of other data: `x / std` becomes
    `x / (std + (std == 0))`, for numpy and for PyTorch.

    ## Known problems
    Only divisions by exactly 0 are guarded; by a nearly constant feature, values are still large.

    ## References
    The documentation of `sklearn.preprocessing.StandardScaler` (constant features).
    """
    file, line = program.file(program.place)
    statement = file.statement(line)
    made = [a for a in assigns(file) if file.statement_of(a) is statement]
    editor, found = program.editor("divisions by zero guarded"), False
    for one in [statement, *(t for a in made for t in twins(file, a))]:
        for node in inside(one, cst.BinaryOperation):
            assert isinstance(node, cst.BinaryOperation)
            divisor = node.right
            if not isinstance(node.operator, cst.Divide) or not _may_be_zero(divisor):
                continue
            if isinstance(divisor, cst.Name) and _is_guarded(file.code, assigns(file), divisor.value):
                continue
            editor.replace(file, divisor, "({} + ({} == 0))")
            found = True
    if not found:
        raise NotApplicable(f"nothing is divided by a computed number at line {line}")
    yield editor


def _may_be_zero(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Call):
        return called(node) in ("std", "var", "norm", "sum", "max", "amax", "ptp", "nanstd")
    return isinstance(node, (cst.Name, cst.Attribute, cst.Subscript))


def _is_guarded(code: object, made: list[cst.Assign], name: str) -> bool:
    """Whether something is added where the divisor is computed, or small ones are raised."""
    assert callable(code)
    values = [code(a.value) for a in made if name in targets(a)]
    return bool(values) and all(v.isdigit() or "clip" in v or "clamp" in v or "maximum" in v for v in values)
