"""A batch so small that its gradient is mostly noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Severity, check
from netvet.stats import behind, noise, number


@check(
    stage="fit",
    kind="cause",
    severity="note",
    since="0.1",
    measures="noise scale over the batch [times]",
    fixes={
        "larger-batch": "Use a larger batch.",
        "accumulate": "Where memory allows no larger one, add up the gradients of several batches for each step.",
    },
)
def too_small_batch(
    gradient_noise: Facts,
    loss: LayerSeries | None = None,
    baselines: Facts | None = None,
    *,
    handful: float = 4,  # samples, and less: proven harmful where loss and score show it
    noisy: float = 0.5,  # noise of the loss over its level: the noisy-loss check
    limit: float = 100.0,  # critical batch size over batch
    patience: int = 50,  # steps
    pairs: int = 20,  # of gradients that were compared; where time is short there are 27 of them in 500 steps
) -> Iterator[Finding]:
    """The gradient noise scale is far above the batch size.

    ## Why it matters
    The batch size sets how much is learned from each sample looked at.

    ## Example
    >>> from netvet.core import Facts
    >>> seen = {"ratio": 500.0, "scale": 4000.0, "batch": 8, "steps": 200}
    >>> too_small_batch(Facts.of(seen))[0].message
    'the gradient noise scale is 4e+03 samples and the batch has 8: its gradient is mostly noise'

    ## Known problems
    The noise scale grows during training, and a small batch may be all that fits: a note, unless a handful of samples
    gives a loss that is mostly noise and a net that scores less than a linear model or the nearest neighbour.

    ## References
    McCandlish et al., arXiv:1812.06162, equation 2.8.
    """
    worse = behind(baselines, gap=0.03, sigmas=2.0) if loss is not None and _shaken(loss, noisy, patience) else None
    for record in gradient_noise:
        ratio, scale, batch = (number(record, k) for k in ("ratio", "scale", "batch"))
        if (
            ratio is None
            or scale is None
            or not batch
            or (number(record, "steps") or 0) < pairs
            or not ratio > (1 if worse and batch <= handful else limit)
        ):
            continue
        harmful = worse is not None and batch <= handful
        message = f"the gradient noise scale is {scale:.3g} samples and the batch has {batch:.3g}: "
        message += "its gradient is mostly noise"
        if worse and harmful:
            message += (
                f", and so is the loss; the net scores {worse[0]:.2g}, {worse[2]} {worse[1]:.2g} on the same samples"
            )
        severity: Severity = "warning" if harmful else "note"
        yield Finding(message, "training batches", None, ratio, limit, severity=severity, confidence=0.6)


def _shaken(loss: LayerSeries, limit: float, patience: int) -> bool:
    """The later half of the only loss is mostly noise."""
    one = next(iter(loss.values())).finite()
    if len(loss) != 1 or len(one) < 2 * patience:
        return False
    tail = one.values[len(one) // 2 :]
    return noise(tail) > limit * abs(float(np.median(tail))) > 0 or float(tail.std()) > limit * abs(float(tail.mean()))
