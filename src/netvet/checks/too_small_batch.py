"""A batch so small that its gradient is mostly noise."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check
from netvet.stats import number


@check(
    stage="fit",
    kind="cause",
    severity="note",
    since="0.1",
    fixes={
        "batch-size": "Use a larger batch, or accumulate gradients over several.",
    },
)
def too_small_batch(
    gradient_noise: Facts,
    *,
    limit: float = 100.0,  # critical batch size over batch
    patience: int = 50,  # steps
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
    The noise scale grows during training, and a small batch may be all that fits: a note, until a trial proves
    more.

    ## References
    McCandlish et al., arXiv:1812.06162, equation 2.8.
    """
    for record in gradient_noise:
        ratio, scale, batch = (number(record, k) for k in ("ratio", "scale", "batch"))
        if (
            ratio is None
            or scale is None
            or not batch
            or (number(record, "steps") or 0) < patience
            or not ratio > limit
        ):
            continue
        message = f"the gradient noise scale is {scale:.3g} samples and the batch has {batch:.3g}: "
        message += "its gradient is mostly noise"
        yield Finding(message, record.get("optimizer"), None, ratio, limit, confidence=0.5)
