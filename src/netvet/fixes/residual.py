"""Each block's input added to its output."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.modules import weighted
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

FEW = 10  # branches: the sum of ten, each as large as what it is added to, is a thousand times as large
POSITIVE = ("relu", "relu_", "relu6", "sigmoid", "softplus")


@fix(
    title="residual connections",
    mends=("unstable-depth", "vanishing-gradient", "badly-scaled-init"),
)
def residual(program: Program) -> Iterator[Editor]:
    """Add what a layer is given to what comes out, where both have the same shape; then with smaller branches.

    ## What it changes
    `x = act(layer(x))` becomes `x = x + act(layer(x))`; in the second variant the branch is divided by the root of
    their number, or by their number where none of them is ever negative, so that the sum does not grow with the depth.

    ## References
    He et al., "Deep residual learning for image recognition" (2016); Zhang, Dauphin and Ma, "Fixup initialization"
    (2019), section 2: the variance grows with the depth.
    """
    found, number = _blocks(program)
    positive = all(isinstance(value, cst.Call) and called(value) in POSITIVE for _, value, _ in found)
    scales = ["", f" / {number}" if positive else f" / {number} ** 0.5"]
    for scale in scales[:number] if number <= FEW else reversed(scales):
        editor = program.editor("residual connections" + (", branches scaled" if scale else ""))
        for file, value, name in found:
            editor.replace(file, value, f"{name} + {{}}{scale}")
        yield editor


def _blocks(program: Program) -> tuple[list[tuple[SourceFile, cst.BaseExpression, str]], int]:
    """What is assigned in statements like `x = act(layer(x))` of equal shapes, and how many layers go through them."""
    lines: dict[tuple[SourceFile, int], list[bool]] = {}
    for one in weighted(program):
        if one.get("called_file"):
            same = bool(one.get("input_shape")) and one.get("input_shape") == one.get("output_shape")
            lines.setdefault(program.file(one, "called_"), []).append(same)
    found, number = [], 0
    for (file, line), same in lines.items():
        statement = file.statement(line)
        only = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        if all(same) and isinstance(only, cst.Assign) and len(only.targets) == 1:
            target = only.targets[0].target
            if isinstance(target, cst.Name) and _innermost(only.value) == target.value:
                found.append((file, only.value, target.value))
                number += len(same)
    if not found:
        raise NotApplicable("no statement passes a variable through a layer that keeps its shape")
    return found, number


def _innermost(node: cst.BaseExpression) -> str:
    """`x` of `f(g(x), ...)`, each call given one layer's output first and nothing else but constants."""
    while isinstance(node, cst.Call) and node.args and not node.args[0].star:
        if any(not isinstance(a.value, (cst.Integer, cst.Float, cst.Name)) for a in node.args[1:]):
            return ""
        node = node.args[0].value
    return node.value if isinstance(node, cst.Name) else ""
