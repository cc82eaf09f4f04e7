"""A loss that varies much from batch to batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Finding, LayerSeries, check
from netvet.stats import noise

_CAUSES = (
    "too-small-batch", "lr-too-high", "unshuffled-data", "outlier-samples", "label-errors", "random-labels",
    "corrupt-samples",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    measures="spread over its level [share]",
    explained_by=_CAUSES,
    fixes={
        "larger-batch": "Use a larger batch, or accumulate gradients.",
    },
    experiments=("batch-size", "lr-range"),
    fewest=20,
)
def noisy_loss(
    loss: LayerSeries,
    *,
    limit: float = 0.5,  # noise over the level of the loss
    patience: int = 50,  # steps
) -> Iterator[Finding]:
    """The batch-to-batch noise is large against the loss itself.

    ## Why it matters
    Noise hides the trend, and shakes the weights.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> noisy_loss(LayerSeries.of(**{"t:4": [0.2, 1.9, 0.6, 1.5] * 30}))[0].message
    'the loss varies by 0.84 from batch to batch around a level of 1.05'

    ## Known problems
    Converged losses near zero and losses of reinforcement learning are noisy by nature: a note at most.

    ## References
    McCandlish et al., arXiv:1812.06162.
    """
    for site, every in loss.items():
        one = every.finite()
        if len(one) < 20 or one.unit == "epoch" or not one.lasts(patience):  # means over epochs hide it
            continue
        tail = one.values[len(one) // 2 :]
        level, spread = float(np.median(tail)), noise(tail)
        # A loss near zero has little to be measured against.
        if level > 0.05 * abs(one.values[0]) and level > 0 and spread > limit * level:
            message = f"the loss varies by {spread:.2g} from batch to batch around a level of {level:.3g}"
            yield Finding(message, site, None, spread / level, limit, confidence=0.5)
