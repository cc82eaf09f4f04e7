"""No dropout."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.dropouts import with_rate
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(title="no dropout", mends=("oversized-dropout", "underfitting", "dropout-before-norm", "cannot-overfit-batch"))
def no_dropout(program: Program) -> Iterator[Editor]:
    """Drop nothing.

    ## What it changes
    The rate of all layers and calls of dropout is zero; they stay, so that names of layers do not change.

    ## Known problems
    Where the net overfits, it overfits more.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019): first overfit, then regularise.
    """
    yield with_rate(program, 0.0)
