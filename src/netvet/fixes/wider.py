"""Wider layers."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.sizes import with_width
from netvet.fixes.source import Editor

FACTORS = (4, 16)


@fix(title="wider layers", mends=("insufficient-capacity", "underfitting", "below-baseline"), cost="time")
def wider(program: Program) -> Iterator[Editor]:
    """Four times as many hidden units, then sixteen times.

    ## What it changes
    The number that the hidden size comes from: in the layers, a default, a constant, a list of sizes or an option
    of the command line.

    ## Known problems
    Only for layers that follow one another; each step costs up to the square of the factor.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019): first a model large enough to overfit.
    """
    for factor in FACTORS:
        yield with_width(program, factor)
