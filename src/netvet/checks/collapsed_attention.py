"""Attention that looks at one position only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Location, Severity, check, location_of
from netvet.stats import late, learns

_CAUSES = (
    "lr-too-high", "missing-warmup", "unscaled-input", "badly-scaled-init", "ignored-mask",
    "growing-attention-logits", "missing-zero-grad", "unscaled-half-precision",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="entropy over that of even attention [share]",
    explained_by=_CAUSES,
    fixes={
        "scale-scores": "Divide the scores by the square root of the head's width.",
        "qk-norm": "Normalise queries and keys, warm the learning rate up, or lower it.",
    },
)
def collapsed_attention(
    attention_entropy: LayerSeries,
    loss: LayerSeries | None = None,
    attention_max_logit: LayerSeries | None = None,
    checkpoints: Facts | None = None,
    attention: Facts | None = None,
    *,
    limit: float = 0.02,  # of the entropy of even attention
    patience: int = 50,  # steps
    sharp: float = 0.3,  # of the same, before the first update: with scores of unit size it is above 0.8
    score: float = 25.0,  # largest score then: five times what queries and keys of unit size reach
) -> Iterator[Finding]:
    """The lowest-entropy head of an attention layer puts all its weight on one key.

    ## Why it matters
    A softmax that is one-hot has no gradient: the layer can no longer change what it looks at.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> collapsed_attention(LayerSeries.of(attn=[0.9] * 10 + [0.001] * 90))[0].message
    'the attention of attn has 0.1% of the entropy of even attention'

    ## Known problems
    Heads that copy the previous position are sharp rightly; while the loss falls, it is a note. Attention
    that is sharp before the first update, without weights that were loaded, has learned nothing yet: its scores are
    too large.

    ## References
    Zhai et al., arXiv:2303.06296 (entropy collapse); Dehghani et al., arXiv:2302.05442.
    """
    fresh = not any(c.get("kind") != "save" and c.get("target") in (None, "model") for c in checkpoints or ())
    for layer, every in attention_entropy.items():
        level, one = late(every, patience=patience), every.finite()
        if level is None:
            continue
        begin, first = float(np.median(one.values[:3])), _first(attention_max_logit, layer)
        if fresh and begin < sharp and level < sharp and first is not None and first > score:
            message = f"the attention of {layer} has {begin:.0%} of the entropy of even attention before it has learned"
            message += f" anything: its scores reach {first:.3g}; divide them by the root of the head's width"
            yield Finding(message, layer, 0, begin, sharp, _place(attention, layer), confidence=0.8)
            return
        if level < limit < begin:
            message = f"the attention of {layer} has {level:.1%} of the entropy of even attention"
            severity: Severity | None = "note" if learns(loss) else None
            place = _place(attention, layer)
            yield Finding(message, layer, int(one.steps[-1]), level, limit, place, severity=severity, confidence=0.6)
            return


def _first(series: LayerSeries | None, layer: str) -> float | None:
    kept = series[layer].finite().values if series and layer in series else ()
    return float(np.median(kept[:3])) if len(kept) else None


def _place(attention: Facts | None, layer: str) -> Location | None:
    return next((location_of(a) for a in attention or () if a.get("name") == layer), None)
