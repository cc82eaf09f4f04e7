"""A smaller penalty on the weights."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import scaled
from netvet.fixes.fix import fix
from netvet.fixes.loops import assignments, receiver, within
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable

FACTORS = (0.01, 0.1, 0.0)  # its gradient should be well below that of the data, and both are measured in the run


@fix(
    title="a smaller penalty on the weights", mends=("regularisation-dominates", "underfitting", "shrinking-weights"),
    changes_loss=True,
)  # fmt: skip
def lower_penalty(program: Program) -> Iterator[Editor]:
    """A hundredth of a penalty that is added to the loss, then a tenth, then none.

    ## What it changes
    The term is multiplied with a number where it is added to the loss.

    ## References
    Goodfellow, Bengio and Courville, "Deep learning" (2016), section 7.1.
    """
    terms = [t for t in program.facts("loss_terms") if t.get("is_data") is False]
    if not terms:
        raise NotApplicable("no penalty is added to the loss")
    for factor in FACTORS:
        editor = program.editor(f"the penalty times {factor:g}" if factor else "no penalty")
        for backward in program.backwards:
            node = _penalty(backward, {str(t.get("file")): int(t.get("line") or 0) for t in terms})
            product = isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply)
            part = node.left if product and isinstance(node, cst.BinaryOperation) else node
            editor.replace(backward.file, part, scaled(part, backward.code(part), factor))
        yield editor


def _penalty(backward: Site, lines: dict[str, int]) -> cst.BaseExpression:
    """What is added to the loss on one of these lines: the right side of the sum."""
    value = receiver(backward)
    made = assignments(backward.file, backward.call, backward.code(value))
    sums = [one.value for one in made] if isinstance(value, cst.Name) else [value]
    for one in sums:
        if isinstance(one, cst.BinaryOperation) and isinstance(one.operator, (cst.Add, cst.Subtract)):
            sides = [s for s in (one.right, one.left) if not _holds_data(backward, s)]
            if len(sides) == 1:
                return sides[0]
    for added in backward.file.nodes(cst.AugAssign):
        same = backward.file.function(added) is backward.file.function(backward.call)
        if same and backward.code(added.target) == backward.code(value) and backward.file.line(added) in lines.values():
            return added.value
    raise NotApplicable("the penalty is not added to the loss in the line that backward is called on")


def _holds_data(backward: Site, node: cst.BaseExpression) -> bool:
    """A product with a coefficient is the penalty; a name that was given by a loss function is not."""
    product = isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply)
    weights = any(isinstance(c, cst.Call) for c in [node, *within(node)])
    return not (product or (weights and "norm" in backward.code(node)))
