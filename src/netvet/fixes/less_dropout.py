"""Less dropout."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.dropouts import with_rate
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor

# Hinton et al. (2012) drop half of the hidden units and a fifth of the inputs.
RATES = (0.5, 0.2, 0.1)


@fix(title="less dropout", mends=("oversized-dropout", "underfitting", "validation-below-train"))
def less_dropout(program: Program) -> Iterator[Editor]:
    """Drop half of the units where more are dropped; then a fifth, then a tenth.

    ## What it changes
    The rate of the layers and calls of dropout that drop more than that.

    ## References
    Hinton et al., "Improving neural networks by preventing co-adaptation of feature detectors" (2012).
    """
    most = max((float((m.get("settings") or {}).get("p") or 0) for m in program.facts("modules")), default=0.0)
    for rate in RATES:
        if rate < most or not most:
            yield with_rate(program, rate, above=rate)
