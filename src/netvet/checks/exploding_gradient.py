"""Gradients that grow without bound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Finding, LayerSeries, check
from netvet.stats import learns

_CAUSES = (
    "lr-too-high", "unscaled-input", "unscaled-target", "badly-scaled-init", "missing-zero-grad", "label-out-of-range",
    "unreduced-loss", "missing-warmup", "negated-loss", "regularisation-dominates", "mismatched-loss",
    "logits-as-probabilities", "wrong-class-weights", "ineffective-clip", "wrong-call-order",
    "unsafe-loss-arithmetic", "wrong-output-activation", "non-finite-input", "unscaled-half-precision",
    "unstable-depth", "wrong-momentum", "clipped-loss", "padding-in-loss",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="gradient norm [loss/weight]",
    explained_by=_CAUSES,
    fixes={
        "clip-gradients": "Clip the gradient norm just above its usual size.",
        "lower-lr": "Lower the learning rate by 10.",
    },
    experiments=("lr-range", "depth-trial", "momentum-trial"),
    fewest=8,
)
def exploding_gradient(
    grad_norm: LayerSeries,
    grad_norm_before_clip: LayerSeries | None = None,
    loss: LayerSeries | None = None,
    *,
    times: float = 100.0,  # the norm of the run's own first part; tools with fixed limits differ by four decades
    patience: int = 20,  # steps
) -> Iterator[Finding]:
    """The gradient norm is far above what it was earlier in this run.

    ## Why it matters
    Steps are as long as the gradient (with SGD): a norm a hundred times the usual throws the weights away.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> exploding_gradient(LayerSeries.of(**{"SGD": [1.0] * 20 + [10.0**i for i in range(20)]}))[0].message
    'the gradient norm of SGD rose from 1 to 5.5e+17, 5.5e+17 times its level in the first part of the run'

    ## Known problems
    A single outlier, a norm that grows while the loss falls, and adversarial games are notes or silent.

    ## References
    Pascanu et al., arXiv:1211.5063.
    """
    chosen = {**grad_norm, **(grad_norm_before_clip or {})}
    for optimizer, one in chosen.items():
        if len(one) < 8 or not one.lasts(patience):
            continue
        kept = one.finite().values
        part = max(3, len(one) // 4)
        usual = float(np.median(kept[:part])) if len(kept) else 0.0
        if usual <= 0:
            continue
        broken = not np.isfinite(one.values[-3:]).any()
        level = float("inf") if broken else float(np.median(kept[-max(3, len(kept) // 10) :]))
        if level <= times * usual:
            continue
        message = f"the gradient norm of {optimizer} rose from {usual:.3g} to {level:.3g}, "
        message += (
            "it is no longer finite"
            if broken
            else (f"{level / usual:.3g} times its level in the first part of the run")
        )
        beyond = np.flatnonzero(~(one.values <= times * usual))
        step, mild = int(one.steps[beyond[0]]), not broken and (learns(loss) or len(chosen) > 1)
        value = None if broken else level
        yield Finding(message, optimizer, step, value, times * usual, severity="note" if mild else None, confidence=0.7)
