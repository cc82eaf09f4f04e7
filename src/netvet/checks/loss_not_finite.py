"""A training loss that becomes NaN or infinite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, check, location_of

_CAUSES = (
    "unsafe-loss-arithmetic", "non-finite-input", "lr-too-high", "unscaled-input", "unscaled-target",
    "badly-scaled-init", "unscaled-half-precision", "logits-as-probabilities", "negated-loss", "missing-zero-grad",
    "label-out-of-range", "token-out-of-range", "wrong-dtype", "wrong-call-order", "unreduced-loss", "missing-warmup",
    "wrong-class-weights", "padding-in-loss", "regularisation-dominates", "mismatched-loss", "wrong-output-activation",
    "batch-mixing", "constant-feature", "corrupt-samples", "ineffective-clip", "tiny-batch-norm",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="error",
    since="0.1",
    measures="losses that are not finite [share]",
    explained_by=_CAUSES,
    fixes={
        "find-op": "Look at the first operation that made NaN or infinity, and keep its operand in range.",
        "lower-lr": "Lower the learning rate by 10, and clip the gradient norm at 1.",
    },
    experiments=("lr-range",),
)
def loss_not_finite(
    loss: LayerSeries,
    first_non_finite: Facts | None = None,
    ranks: Facts | None = None,
    *,
    share: float = 0.05,  # of the values; a loss that recovers from fewer is a note (loss scaling skips such steps)
) -> Iterator[Finding]:
    """The training loss is NaN or infinite.

    ## Why it matters
    One NaN in the loss makes every gradient NaN, and the next update makes every weight NaN: all later steps are
    wasted, and the weights are lost.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> sick = LayerSeries.of(**{"train.py:45": [2.3, 2.1, 2.4, float("nan"), float("nan"), float("nan")]})
    >>> loss_not_finite(sick)[0].message
    'the loss is NaN at step 3 and in 3 of the 3 values recorded since then; the last finite value was 2.4'

    ## Known problems
    A script that skips a bad batch, or a gradient scaler that backs off, goes on with a finite loss: a note.

    ## References
    IEEE 754: NaN propagates through every sum and product.
    """
    first = next(iter(first_non_finite or ()), {})
    for site, one in loss.items():
        bad = ~np.isfinite(one.values)
        if not bad.any():
            continue
        at = int(bad.argmax())
        since = bad[at:]
        what = "NaN" if np.isnan(one.values[at]) else "infinite"
        message = (
            f"the loss is {what} at {one.unit} {int(one.steps[at])} and in {int(since.sum())} of the {len(since)} "
            "values recorded since then"
        )
        if at:
            message += f"; the last finite value was {one.values[at - 1]:.3g}"
        elif len(since) > 1 and bad.all():
            message += "; it never was finite"
        broken = [r for r in ranks or () if r.get("first_non_finite") is not None]
        if broken and len(broken) < len(ranks or ()):
            message += f"; of {len(ranks or ())} ranks only on {', '.join(str(r.get('rank')) for r in broken)}"
        healed = not bad[-1] and float(bad.mean()) < share
        yield Finding(
            message,
            site,
            int(one.steps[at]),
            float(bad.mean()),
            share if healed else 0.0,
            location_of(first),
            severity="note" if healed else "error" if bad[-1] else "warning",
            confidence=0.9,
        )
