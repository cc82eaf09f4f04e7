"""A net that cannot learn one batch by heart."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check

_CAUSES = (
    "insufficient-capacity", "unsuitable-architecture", "missing-step", "detached-loss", "detached-parameters",
    "parameters-not-in-optimizer", "frozen-parameters", "unregistered-parameters", "negated-loss", "clipped-loss",
    "broadcast-loss", "double-softmax", "double-sigmoid", "logits-as-probabilities", "mismatched-loss",
    "wrong-softmax-dim", "wrong-output-activation", "label-out-of-range", "symmetric-init", "dead-relu",
    "unused-recurrence",
    "badly-scaled-init", "vanishing-gradient", "zero-gradient", "batch-mixing", "wrong-call-order", "unscaled-input",
    "unscaled-target", "conflicting-labels", "random-labels", "non-finite-input", "unsafe-loss-arithmetic",
    "missing-nonlinearity", "regularisation-dominates", "wrong-dtype", "constant-feature", "duplicate-samples",
    "saturating-activation", "unstable-depth",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="error",
    since="0.1",
    explained_by=_CAUSES,
    fixes={"check-step": "Look for a mistake in the model, the loss or the update before anything is tuned."},
    experiments=("overfit-batch",),
)
def cannot_overfit_batch(experiments: Facts) -> Iterator[Finding]:
    """One batch, seen again and again with regularisation off, is not learned by heart at any learning rate.

    ## Why it matters
    It is the cheapest test there is of a whole training step. What fails it will not learn more samples either, and
    tuning does not mend it.

    ## Example
    >>> from netvet.core import Facts
    >>> told = {"experiment": "overfit-batch", "verdict": "failed", "message": "32 samples could not be learned"}
    >>> cannot_overfit_batch(Facts.of(told))[0].message
    '32 samples could not be learned'

    ## Known problems
    Needs `netvet recipe`, which makes the experiment [overfit-batch](../experiments/overfit-batch.md). It says
    "undetermined" where the lowest loss that these targets allow is not known.

    ## References
    Karpathy, A Recipe for Training Neural Networks (2019): overfit one batch.
    """
    for record in experiments.where(experiment="overfit-batch", verdict="failed"):
        yield Finding(str(record["message"]), evidence=dict(record.get("evidence") or {}))
