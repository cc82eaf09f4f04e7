"""A layer whose weights spread far beyond their initial scale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Severity, check
from netvet.stats import learns

_CAUSES = (
    "lr-too-high", "missing-zero-grad", "negated-loss", "unreduced-loss", "badly-scaled-init", "unscaled-input",
    "unscaled-target", "logits-as-probabilities", "regularisation-dominates", "growing-weights", "symmetric-init",
    "missing-warmup", "mismatched-loss", "label-out-of-range", "wrong-momentum", "unsuitable-optimizer",
    "oversized-regularisation",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="std over that at the start [times]",
    explained_by=_CAUSES,
    fixes={
        "lower-lr": "Divide the learning rate by 10, and compare the initial scales of the layers.",
    },
)
def skewed_weight_variance(
    param_std: LayerSeries,
    loss: LayerSeries | None = None,
    parameters: Facts | None = None,
    *,
    times: float = 10.0,  # catalogue
    patience: int = 100,  # steps
) -> Iterator[Finding]:
    """The std of the weights of a layer is far from its value at the start.

    ## Why it matters
    A layer out of scale with the rest dominates the signal, or drowns in it.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> skewed_weight_variance(LayerSeries.of(**{"net.weight": [0.1 * 1.05**i for i in range(120)]}))[0].message
    'the std of net.weight went from 0.131 to 25.4'

    ## Known problems
    Zero-initialised layers (left out) and last layers of confident classifiers grow rightly; while the loss falls
    it is a note.

    ## References
    SageMaker Debugger, WeightInitialization and VarianceRatio: 10.
    """
    found, starts = {}, []
    norms = {p.get("name") for p in parameters or () if "Norm" in str(p.get("layer_type"))}
    for layer, every in param_std.items():
        one = every.finite()
        # Biases and the scales of norms begin at zero or one, and are free to go where they like.
        if layer.endswith("bias") or layer in norms or len(one) < 6 or int(one.steps[-1] - one.steps[0]) < patience:
            continue
        part = max(2, len(one) // 10)
        first, last = float(np.median(one.values[:part])), float(np.median(one.values[-part:]))
        starts.append(first)
        if first > 0 and last >= 0 and max(last, 1e-30) / first > times:
            found[layer] = (first, last)
    # Weights that began equal (scales of norms) have a spread after a few steps that is next to nothing.
    found = {layer: ends for layer, ends in found.items() if ends[0] > 1e-2 * float(np.median(starts))}
    if not found:
        return
    layer = next(iter(found))
    first, last = found[layer]
    message = f"the std of {layer} went from {first:.3g} to {last:.3g}"
    if len(found) > 1:
        message += f", and likewise in {len(found) - 1} other layer{'s' if len(found) > 2 else ''}"
    severity: Severity | None = "note" if learns(loss) else None
    value = last / first
    yield Finding(message, layer, 0, value, times, None, {"layers": list(found)[:50]}, severity, 0.6)
