"""Features that never vary are not divided by their spread of 0."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

SPREADS = ("std", "var", "ptp", "max", "norm", "sum", "amax", "sqrt")
SMALL = "1e-8"


@fix(title="no division by 0 in the preprocessing", mends=("non-finite-input",))
def guard_division(program: Program) -> Iterator[Editor]:
    """Divide by 1 where the preprocessing divides by a spread of 0.

    ## What it changes
    Behind the line that computes the divisor: `std = std + (std == 0)`, which makes each 0 a 1 and holds for training
    and evaluation data alike. A spread that is computed in the division itself gets 1e-8 added.

    ## References
    scikit-learn's StandardScaler, which divides constant features by 1.
    """
    file, line = program.file(program.place)
    editor = program.editor("no division by 0 in the preprocessing")
    scope = _scope(file, line)
    found: dict[str, cst.Assign] = {}
    inline: list[cst.Call] = []
    for one in file.nodes(cst.BinaryOperation):
        if not isinstance(one.operator, cst.Divide) or file.function(one) is not scope:
            continue
        if isinstance(one.right, cst.Name):
            made = _assigned(file, one.right.value, scope)
            if made is not None:
                found[one.right.value] = made
        elif isinstance(one.right, cst.Call) and called(one.right) in SPREADS:
            inline.append(one.right)
    if not found and not inline:
        raise NotApplicable("no division by a spread stands beside the line that made the data")
    for name, assign in found.items():
        editor.insert(file, assign, after=f"{name} = {name} + ({name} == 0)\n")
    for call in inline:
        editor.replace(file, call, f"({{}} + {SMALL})")
    yield editor


def _scope(file: SourceFile, line: int) -> cst.FunctionDef | None:
    return file.function(file.statement(line))


def _assigned(file: SourceFile, name: str, scope: cst.FunctionDef | None) -> cst.Assign | None:
    """The only assignment of a spread to this name."""
    found = [
        a for a in file.nodes(cst.Assign)
        if file.function(a) is scope and isinstance(a.targets[0].target, cst.Name) and a.targets[0].target.value == name
    ]  # fmt: skip
    pairs = [a for a in file.nodes(cst.Assign) if file.function(a) is scope and _in_pair(a, name)]
    found += pairs
    if len(found) != 1:
        return None
    value = file.code(found[0].value)
    return found[0] if any(f".{s}(" in value for s in SPREADS) else None


def _in_pair(assign: cst.Assign, name: str) -> bool:
    target = assign.targets[0].target
    names = [e.value for e in target.elements] if isinstance(target, cst.Tuple) else []
    return any(isinstance(n, cst.Name) and n.value == name for n in names)
