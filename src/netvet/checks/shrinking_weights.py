"""Weights that shrink away."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Finding, LayerSeries, Severity, check
from netvet.stats import learns

_CAUSES = (
    "regularisation-dominates", "oversized-regularisation", "unsuitable-optimizer", "wrong-momentum",
    "detached-loss", "clipped-loss", "constant-target", "random-labels", "negated-loss", "lr-too-high",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="norm over that at the start [times]",
    explained_by=_CAUSES,
    fixes={
        "less-weight-decay": "Divide the weight decay by 10.",
    },
)
def shrinking_weights(
    param_norm: LayerSeries,
    loss: LayerSeries | None = None,
    *,
    times: float = 5.0,  # a starting value, not calibrated yet
    patience: int = 100,  # steps
) -> Iterator[Finding]:
    """The norm of a layer falls to a fraction of what it was.

    ## Why it matters
    Weights that go to zero take the signal with them.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> shrinking_weights(LayerSeries.of(**{"net.weight": [10.0 * 0.97**i for i in range(120)]}))[0].message
    'the norm of net.weight went from 8.46 to 0.315'

    ## Known problems
    Sparse training, pruning and low-rank adapters shrink layers on purpose; while the loss falls it is a note.

    ## References
    Measured on the digits: weight decay of 1.0 leaves the loss at 2.303.
    """
    found = {}
    for layer, every in param_norm.items():
        one = every.finite()
        # Biases and the scales of norms begin at zero or one, and are free to go where they like.
        if layer.endswith("bias") or len(one) < 6 or int(one.steps[-1] - one.steps[0]) < patience:
            continue
        part = max(2, len(one) // 10)
        first, last = float(np.median(one.values[:part])), float(np.median(one.values[-part:]))
        if first > 0 and last >= 0 and last * times < first:
            found[layer] = (first, last)
    if not found:
        return
    layer = next(iter(found))
    first, last = found[layer]
    message = f"the norm of {layer} went from {first:.3g} to {last:.3g}"
    if len(found) > 1:
        message += f", and likewise in {len(found) - 1} other layers"
    severity: Severity | None = "note" if learns(loss) else None
    value = last / first
    yield Finding(message, layer, 0, value, times, None, {"layers": list(found)[:50]}, severity, 0.6)
