"""Steps that change the weights by much of their size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Finding, LayerSeries, Severity, check
from netvet.stats import learns, listed

_CAUSES = (
    "lr-too-high", "unscaled-input", "unscaled-target", "badly-scaled-init", "missing-zero-grad", "label-out-of-range",
    "unreduced-loss", "missing-warmup", "negated-loss", "regularisation-dominates", "mismatched-loss",
    "logits-as-probabilities", "wrong-class-weights", "ineffective-clip", "wrong-call-order",
    "unsafe-loss-arithmetic", "wrong-output-activation", "non-finite-input", "unscaled-half-precision",
    "wrong-momentum", "unsuitable-optimizer",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    explained_by=_CAUSES,
    fixes={
        "lower-lr": "Divide the learning rate by 10.",
    },
    experiments=("lr-range",),
)
def huge_updates(
    update_ratio: LayerSeries,
    loss: LayerSeries | None = None,
    *,
    limit: float = 0.1,  # catalogue
    share: float = 0.5,  # of the layers
    patience: int = 20,  # steps
) -> Iterator[Finding]:
    """The update-to-weight ratio is huge in most layers.

    ## Why it matters
    A step that replaces a tenth of the weights forgets what the last ten steps learned.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> huge_updates(LayerSeries.of(**{"0.weight": [0.5] * 30, "2.weight": [0.5] * 30}))[0].message
    'a step changes the weights by 0.5 of their norm in 2 of 2 layers (0.weight, 2.weight); usual is 1e-3'

    ## Known problems
    The first steps from small or zero weights are large: the median over the run is judged. Full-batch second-order
    methods take long steps rightly: a net that learns is a note.

    ## References
    The band 1e-5 to 1e-1 is that of torchmortem; near 1e-3 is usual (Karpathy).
    """
    typical = {}
    for layer, every in update_ratio.items():
        one = every.finite()
        # Biases and scales begin at zero or one: their ratio says little.
        if layer.endswith("bias") or len(one) < 3 or int(one.steps[-1] - one.steps[0]) < patience:
            continue
        middle = float(np.median(one.values))
        if middle > 0:
            typical[layer] = middle
    beyond = {layer: v for layer, v in typical.items() if v > limit}
    if not beyond or len(beyond) < share * len(typical):
        return
    middle = float(np.median(list(beyond.values())))
    message = (
        f"a step changes the weights by {middle:.1g} of their norm in {len(beyond)} of {len(typical)} layers "
        f"({listed(beyond)}); usual is 1e-3"
    )
    severity: Severity | None = "note" if learns(loss) else None
    yield Finding(message, next(iter(beyond)), 0, middle, limit, severity=severity, confidence=0.6)
