"""A training loss that rises."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Severity, check, location_of
from netvet.curves import is_supervised, lost_again, never_better
from netvet.stats import constant_loss, course, sole_loss

_CLASSIFYING = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")

_CAUSES = (
    "lr-too-high", "missing-zero-grad", "negated-loss", "unreduced-loss", "unscaled-input", "unscaled-target",
    "badly-scaled-init", "missing-warmup", "logits-as-probabilities", "regularisation-dominates", "mismatched-loss",
    "wrong-call-order", "misstepped-scheduler", "ineffective-clip", "unsafe-loss-arithmetic", "wrong-class-weights",
    "mutated-data", "unscaled-half-precision", "wrong-output-activation", "wrong-momentum", "unstable-depth",
    "broadcast-loss", "unshuffled-data", "padding-in-loss", "too-small-batch", "label-out-of-range",
    "unsynchronised-replicas", "exploding-gradient", "huge-updates", "unsuitable-optimizer",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="error",
    since="0.1",
    measures="loss [loss]",
    explained_by=_CAUSES,
    fixes={
        "lower-lr": "Lower the learning rate by 10.",
        "clip-gradients": "Clip the gradient norm just above its usual size, between backward and step.",
    },
    experiments=("lr-range", "depth-trial", "momentum-trial"),
    fewest=8,
)
def loss_diverges(
    loss: LayerSeries,
    losses: Facts | None = None,
    targets: Facts | None = None,
    initial_loss: Facts | None = None,
    log: Facts | None = None,
    val_loss: LayerSeries | None = None,
    *,
    rise: float = 0.05,  # over the first value, beyond the noise (SageMaker Debugger: 5 %)
    times: float = 1.5,  # a regression must end this far above the variance of its target
    clear: float = 1.2,  # times its first value: from there on a log alone is enough for a warning
    patience: int = 20,  # steps
    sigmas: float = 5.0,
) -> Iterator[Finding]:
    """The training loss ends higher than it began.

    ## Why it matters
    Updates that make the loss worse take the weights to where no later step can use them.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> rising = LayerSeries.of(**{"train.py:45": [2.3 + 0.1 * i for i in range(60)]})
    >>> site = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 10})
    >>> loss_diverges(rising, site)[0].message
    'the loss rose from 2.3 at the start to 7.95 at the end, 3.5 times its first value'

    ## Known problems
    Losses of adversarial nets, policy gradients and value nets with moving targets may rise rightly, and a pretrained
    net gets worse before it gets better: only a known criterion that is the only loss and ends worse than a constant
    prediction is more than a note.

    ## References
    SageMaker Debugger, LossNotDecreasing: a rise of 5 %.
    """
    sole = sole_loss(losses)
    level = constant_loss(sole, targets, initial_loss)
    supervised = is_supervised(log) and len(loss) == 1  # a log knows no criterion, but that there is one
    if log and (told := never_better(loss) or lost_again(loss, val_loss)):
        sure: Severity = "warning" if supervised else "note"
        yield Finding(told[0], next(iter(loss)), *told[1:], severity=sure, confidence=0.8)
        return
    for site, one in loss.items():
        seen = course(one)
        if seen is None or not one.lasts(patience) or seen.start <= 0 or not np.isfinite(one.values[-3:]).all():
            continue
        risen = seen.end - seen.start
        if risen <= max(
            rise * seen.start, sigmas * float(np.hypot(seen.error, seen.noise if risen < seen.start else 0))
        ):
            continue
        classifies = sole.get("function") in _CLASSIFYING
        worse = level is not None and seen.end > level * (1 + rise if classifies else times)
        known = len(loss) == 1 and (classifies or sole.get("function") == "mse_loss") and worse
        severity: Severity = "error" if known else "warning" if supervised and seen.end > clear * seen.start else "note"
        message = (
            f"the loss rose from {seen.start:.3g} at the start to {seen.end:.3g} at the end, "
            f"{seen.end / seen.start:.2g} times its first value"
        )
        place, limit = location_of(sole) if len(loss) == 1 else None, seen.start * (1 + rise)
        yield Finding(message, site, seen.best_step, seen.end, limit, place, severity=severity, confidence=0.8)
