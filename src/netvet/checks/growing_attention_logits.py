"""Attention logits that grow without end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Finding, LayerSeries, Severity, check
from netvet.stats import late, learns

_CAUSES = (
    "lr-too-high", "missing-warmup", "unscaled-input", "badly-scaled-init", "missing-zero-grad",
    "unscaled-half-precision", "regularisation-dominates",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="largest attention logit [logits]",
    explained_by=_CAUSES,
    fixes={
        "qk-norm": "Normalise queries and keys, warm the learning rate up, or lower it.",
    },
    experiments=("lr-range",),
)
def growing_attention_logits(
    attention_max_logit: LayerSeries,
    loss: LayerSeries | None = None,
    *,
    limit: float = 50.0,  # exp(-50) is 0 beside 1 in bfloat16 and float32
    patience: int = 50,  # steps
) -> Iterator[Finding]:
    """The largest attention logit goes far beyond what softmax can tell apart.

    ## Why it matters
    A softmax that is one-hot has no gradient: the layer can no longer change what it looks at.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> growing_attention_logits(LayerSeries.of(attn=[2.0 + i for i in range(100)]))[0].message
    'the largest attention logit of attn grew from 3 to 91.5'

    ## Known problems
    Heads that copy the previous position are sharp rightly; while the loss falls, it is a note.

    ## References
    Zhai et al., arXiv:2303.06296 (entropy collapse); Dehghani et al., arXiv:2302.05442.
    """
    for layer, every in attention_max_logit.items():
        level, one = late(every, patience=patience), every.finite()
        if level is None:
            continue
        begin = float(np.median(one.values[:3]))
        if level > limit and level > 3 * abs(begin):
            message = f"the largest attention logit of {layer} grew from {begin:.3g} to {level:.3g}"
            severity: Severity | None = "note" if learns(loss) else None
            yield Finding(message, layer, int(one.steps[-1]), level, limit, severity=severity, confidence=0.6)
            return
