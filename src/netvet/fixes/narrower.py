"""Narrower layers."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.sizes import with_width
from netvet.fixes.source import Editor

FACTORS = (0.25, 0.0625)


@fix(title="narrower layers", mends=("overfitting", "too-few-samples"))
def narrower(program: Program) -> Iterator[Editor]:
    """A quarter of the hidden units, then a sixteenth.

    ## What it changes
    The number that the hidden size comes from: in the layers, a default, a constant, a list of sizes or an option
    of the command line.

    ## Known problems
    Large nets that are stopped early or regularised often end better than small ones.

    ## References
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 5.2: capacity.
    """
    for factor in FACTORS:
        yield with_width(program, factor)
