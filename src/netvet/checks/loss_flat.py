"""A training loss that stays where it began."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.changes import beats_majority
from netvet.core import Facts, Finding, LayerSeries, Series, Severity, check, location_of
from netvet.curves import uninformed
from netvet.stats import Course, change, constant_loss, course, sole_loss

_CLASSIFYING = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
_CAUSES = (
    "parameters-not-in-optimizer", "regularisation-dominates", "oversized-regularisation", "unregistered-parameters",
    "wrong-output-activation", "unscaled-half-precision", "logits-as-probabilities", "overwritten-pretraining",
    "unsuitable-architecture", "excessive-augmentation", "insufficient-capacity", "training-in-eval-mode", "dead-relu",
    "saturating-activation", "misstepped-scheduler", "cannot-overfit-batch", "missing-nonlinearity", "stale-optimizer",
    "saturated-activation", "unsuitable-optimizer", "detached-parameters", "repeated-activation", "label-out-of-range",
    "wrong-class-weights", "conflicting-labels", "vanishing-gradient", "frozen-parameters", "unused-parameters",
    "wrong-softmax-dim", "badly-scaled-init", "missing-zero-grad", "oversized-dropout", "wrong-call-order",
    "constant-feature", "lr-decays-early", "constant-target", "mismatched-loss", "unscaled-target", "unshuffled-data",
    "too-small-batch", "corrupt-samples", "double-softmax", "double-sigmoid", "symmetric-init", "broadcast-loss",
    "unscaled-input", "unreduced-loss", "missing-warmup", "always-clipped", "unstable-depth", "wrong-momentum",
    "detached-loss", "random-labels", "zero-gradient", "missing-step", "batch-mixing", "clipped-loss", "negated-loss",
    "wrong-layout", "mutated-data", "label-errors", "lr-too-high", "wrong-dtype", "lr-too-low", "unused-recurrence",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="fall of the loss [share]",
    explained_by=_CAUSES,
    fixes={
        "overfit-batch": "Train on one batch only: a net that cannot fit that has a fault in the model or the loop.",
        "lr-range": "Try learning rates ten times higher and lower for a few steps.",
    },
    experiments=("overfit-batch", "lr-range", "input-independent", "activation-trial", "depth-trial"),
    fewest=8,
)
def loss_flat(
    loss: LayerSeries,
    losses: Facts | None = None,
    targets: Facts | None = None,
    initial_loss: Facts | None = None,
    train_accuracy: LayerSeries | None = None,
    target_top_share: LayerSeries | None = None,
    parameters: Facts | None = None,
    input_ablation: Facts | None = None,
    log: Facts | None = None,
    val_accuracy: LayerSeries | None = None,
    val_loss: LayerSeries | None = None,
    *,
    limit: float = 0.02,  # random labels fall by 1.6 % on the digits (2.300 to 2.264)
    patience: int = 50,  # steps; shorter runs may be in their warm-up
    sigmas: float = 3.0,
) -> Iterator[Finding]:
    """The training loss does not fall.

    ## Why it matters
    A loss that stays at the level of a constant prediction says that nothing is learned, however long it runs.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> flat = LayerSeries.of(**{"train.py:45": [2.31 - 0.00001 * i for i in range(100)]})
    >>> site = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 10})
    >>> loss_flat(flat, site)[0].message
    'the loss is 2.31 at the start and 2.31 after 99 steps: it fell by 0.0%, less than 2%'

    ## Known problems
    Losses of adversarial nets, policy gradients and bootstrapped values need not fall: only a known criterion that is
    the only loss, and is no better than a constant prediction, is more than a note, unless a layer blocks the input.
    Nets that start from loaded weights or far below that level, or beat the commonest class, are silent. In a log the
    accuracy takes its place (of a guess at that loss, or always the same), or both losses at ln 2 to ln 10.

    ## References
    Measured on the digits, section "what one faulty line does": 2.314 to 2.3116 for a cut graph.
    """
    sole, loaded = sole_loss(losses), any(p.get("loaded") for p in parameters or ())
    level = constant_loss(sole, targets, initial_loss)
    # Where no difference between the samples gets through a layer, that is what is wrong, and named by ignores-input.
    blocked = any(r.get("blocked_by") for r in input_ablation or ())
    if loaded or beats_majority(train_accuracy, target_top_share):
        return
    if guess := uninformed(log, loss, val_loss, train_accuracy, val_accuracy):
        yield Finding(guess[0], next(iter(loss)), *guess[1:], severity="warning", confidence=0.8)
    for site, one in () if guess else loss.items():
        seen = course(one)
        if seen is None or not one.lasts(patience) or not np.isfinite(one.values).all() or seen.start <= 0:
            continue
        # Moved, or begun below what a constant would get.
        if _moves(one, seen, limit, sigmas) or (level and seen.start < 0.7 * level):
            continue
        stuck = level is not None and seen.end >= 0.9 * level
        known = len(loss) == 1 and sole.get("function") in (*_CLASSIFYING, "mse_loss")
        constant = float(np.ptp(one.values)) <= 1e-7 * seen.start
        severity: Severity = "note" if not known or not stuck or blocked else "error" if constant else "warning"
        place, message = location_of(sole) if len(loss) == 1 else None, _told(seen, limit, constant=constant)
        yield Finding(message, site, 0, seen.gain, limit, place, severity=severity, confidence=0.8)


def _moves(one: Series, seen: Course, limit: float, sigmas: float) -> bool:
    """Too noisy to tell, risen (that is another symptom), or clearly fallen."""
    error = sigmas * float(np.hypot(seen.error, seen.noise))
    if 3 * seen.error > 0.1 * seen.start or seen.end > seen.start + max(0.05 * seen.start, error):
        return True
    moved = change(one)
    clear = moved is not None and moved.z > sigmas and moved.relative > limit
    return clear or seen.gain >= max(limit, min(error / seen.start, 0.05))


def _told(seen: Course, limit: float, *, constant: bool) -> str:
    bound = f"less than {limit:.0%}" if seen.gain < limit else "no more than its noise"
    how = f"it fell by {max(seen.gain, 0.0):.1%}, {bound}" if seen.end <= seen.start else "it did not fall"
    how = "it never changes" if constant else how
    return f"the loss is {seen.start:.3g} at the start and {seen.end:.3g} after {seen.span} {seen.unit}s: {how}"
