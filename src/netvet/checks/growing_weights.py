"""Weights that grow without end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Finding, LayerSeries, Severity, check
from netvet.stats import learns

_CAUSES = (
    "lr-too-high", "missing-zero-grad", "negated-loss", "unreduced-loss", "unscaled-input", "unscaled-target",
    "logits-as-probabilities", "missing-warmup", "mismatched-loss", "wrong-class-weights", "random-labels",
    "unsafe-loss-arithmetic", "exploding-gradient", "badly-scaled-init", "label-out-of-range",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    explained_by=_CAUSES,
    fixes={
        "lower-lr": "Divide the learning rate by 10, and use a small weight decay.",
    },
)
def growing_weights(
    param_norm: LayerSeries,
    loss: LayerSeries | None = None,
    *,
    times: float = 10.0,  # SageMaker Debugger: a factor of 10
    patience: int = 100,  # steps
) -> Iterator[Finding]:
    """The norm of a layer grows to many times what it was.

    ## Why it matters
    Outputs grow with the weights: activations saturate, logits become overconfident, and in the end numbers
    overflow.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> growing_weights(LayerSeries.of(**{"net.weight": [1.05**i for i in range(120)]}))[0].message
    'the norm of net.weight went from 1.31 to 254'

    ## Known problems
    Layers that begin at or near zero grow rightly, and separable data lets the last layer grow slowly; while the
    loss falls it is a note.

    ## References
    The factor is that of the variance ratio rule of SageMaker Debugger.
    """
    found = {}
    for layer, every in param_norm.items():
        one = every.finite()
        # Biases and the scales of norms begin at zero or one, and are free to go where they like.
        if layer.endswith("bias") or len(one) < 6 or int(one.steps[-1] - one.steps[0]) < patience:
            continue
        part = max(2, len(one) // 10)
        first, last = float(np.median(one.values[:part])), float(np.median(one.values[-part:]))
        if first > 0 and last >= 0 and last > times * first:
            found[layer] = (first, last)
    if not found:
        return
    layer = next(iter(found))
    first, last = found[layer]
    message = f"the norm of {layer} went from {first:.3g} to {last:.3g}"
    if len(found) > 1:
        message += f", and likewise in {len(found) - 1} other layer{'s' if len(found) > 2 else ''}"
    severity: Severity | None = "note" if learns(loss) else None
    value = last / first
    yield Finding(message, layer, 0, value, times, None, {"layers": list(found)[:50]}, severity, 0.6)
