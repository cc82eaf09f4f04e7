"""Less weight decay."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.decays import with_decay
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor

FACTORS = (0.01, 0.1, 0.0)  # usual are 1e-5 to 1e-3, decoupled up to 0.1: where it dominates, a tenth is seldom enough


@fix(
    title="less weight decay",
    mends=("shrinking-weights", "oversized-regularisation", "regularisation-dominates", "underfitting",
           "collapsed-prediction"),
)  # fmt: skip
def less_weight_decay(program: Program) -> Iterator[Editor]:
    """A hundredth of the weight decay, then a tenth, then none.

    ## What it changes
    `weight_decay` where the optimizers are made, in all of their parameter groups.

    ## References
    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), section 4.
    """
    for factor in FACTORS:
        yield with_decay(program, factor)
