"""Layer norm behind the layers."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.norms import with_norm
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="layer norm behind the layers",
    mends=(
        "vanishing-gradient", "exploding-gradient", "badly-scaled-init", "saturated-activation", "unstable-depth",
        "skewed-weight-variance",
    ),
)  # fmt: skip
def layer_norm(program: Program) -> Iterator[Editor]:
    """Put layer norm behind each linear layer but the last; behind convolutions, group norm with one group.

    ## What it changes
    A layer more in each `Sequential`; for layers that forward calls by name, an attribute `..._norm` and its call.

    ## References
    Ba, Kiros and Hinton, "Layer normalization" (2016).
    """
    yield with_norm(program, "layer")
