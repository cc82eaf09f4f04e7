"""A larger learning rate."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.rates import with_rate
from netvet.fixes.source import Editor

FACTORS = (10.0, 100.0, 1000.0)


@fix(
    title="a larger learning rate",
    mends=("lr-too-low", "tiny-updates", "loss-flat", "stopped-early", "underfitting", "misstepped-scheduler"),
)
def raise_lr(program: Program) -> Iterator[Editor]:
    """Ten times the learning rate, then a hundred and a thousand times.

    ## What it changes
    The rate that the optimizers are made with, in all of their parameter groups, and the highest rate of a one-cycle
    schedule, which would set it again.

    ## References
    Bengio, "Practical recommendations for gradient-based training of deep architectures" (2012), section 3.1.1.
    """
    for factor in FACTORS:
        yield with_rate(program, factor)
