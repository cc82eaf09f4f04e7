"""Batch norm behind the layers."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.norms import with_norm
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="batch norm behind the layers",
    mends=(
        "vanishing-gradient", "exploding-gradient", "badly-scaled-init", "saturated-activation", "dead-relu",
        "unstable-depth", "skewed-weight-variance", "saturating-activation",
    ),
)  # fmt: skip
def batch_norm(program: Program) -> Iterator[Editor]:
    """Put batch norm behind each linear and convolutional layer but the last.

    ## What it changes
    A layer more in each `Sequential`; for layers that forward calls by name, an attribute `..._norm` and its call.

    ## Known problems
    Small batches give noisy statistics (see `group-norm`), and the model mixes the samples of a batch while it trains.

    ## References
    Ioffe and Szegedy, "Batch normalization" (2015).
    """
    yield with_norm(program, "batch")
