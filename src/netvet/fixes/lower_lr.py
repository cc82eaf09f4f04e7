"""A smaller learning rate."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.rates import with_rate
from netvet.fixes.source import Editor

FACTORS = (0.1, 0.01, 0.001)


@fix(
    title="a smaller learning rate",
    mends=(
        "lr-too-high", "loss-diverges", "loss-spikes", "exploding-gradient", "loss-not-finite", "huge-updates",
        "dead-relu", "growing-weights", "skewed-weight-variance", "jittery-predictions", "noisy-loss", "loss-flat",
        "too-small-batch",
    ),
)  # fmt: skip
def lower_lr(program: Program) -> Iterator[Editor]:
    """A tenth of the learning rate, then a hundredth, then a thousandth.

    ## What it changes
    The rate that the optimizers are made with, in all of their parameter groups, and the highest rate of a one-cycle
    schedule, which would set it again.

    ## Known problems
    Training takes longer at a smaller rate: a trial that is too short may call it worse.

    ## References
    Bengio, "Practical recommendations for gradient-based training of deep architectures" (2012), section 3.1.1: the
    one hyper-parameter to tune first, in steps of a logarithmic grid.
    """
    for factor in FACTORS:
        yield with_rate(program, factor)
