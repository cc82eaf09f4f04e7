"""A smaller coefficient of a penalty."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held, scaled
from netvet.fixes.fix import fix
from netvet.fixes.loss_terms import penalty
from netvet.fixes.outputs import number
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, SourceFile

FACTORS = (0.1, 0.01)


@fix(title="a smaller penalty", mends=("regularisation-dominates", "shrinking-weights"), changes_loss=True)
def lower_penalty(program: Program) -> Iterator[Editor]:
    """A tenth of the penalty in the loss, then a hundredth.

    ## What it changes
    The coefficient of the term without data, where it is added to the loss; where it has none, it gets one.

    ## Known problems
    The sum is another quantity: compare the loss of the data, or a score.

    ## References
    Goodfellow, Bengio, Courville, Deep Learning (2016), 7.1; Bengio (2012), section 3.2, on grids of such coefficients.
    """
    term = penalty(program)
    for factor in FACTORS:
        editor = program.editor(f"penalty times {factor:g}")
        node = _coefficient(term.file, term.node)
        if node is None:
            editor.replace(term.file, term.node, f"{factor:g} * {held(term.node)}")
        else:
            editor.replace(term.file, node, scaled(node, term.file.code(node), factor))
        yield editor


def _coefficient(file: SourceFile, node: cst.BaseExpression) -> cst.BaseExpression | None:
    """`0.05` or `args.l1` of `args.l1 * norm(net)`: a number if there is one, else what is first a plain name."""
    if not isinstance(node, cst.BinaryOperation) or not isinstance(node.operator, cst.Multiply):
        return None
    sides = (node.left, node.right)
    numbers = [s for s in sides if number(s) is not None]
    names = [s for s in sides if isinstance(s, (cst.Name, cst.Attribute, cst.Subscript))]
    return (numbers or names or [_coefficient(file, node.left)])[0]
