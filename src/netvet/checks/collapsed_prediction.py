"""The same prediction for nearly every input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Series, Severity, check
from netvet.stats import late, learns, number

_CAUSES = (
    "cannot-overfit-batch",
    "double-softmax", "double-sigmoid", "wrong-softmax-dim", "wrong-output-activation", "symmetric-init",
    "unused-recurrence",
    "badly-scaled-init", "lr-too-low", "lr-too-high", "lr-decays-early", "misstepped-scheduler", "label-out-of-range",
    "regularisation-dominates", "batch-mixing", "random-labels", "constant-target", "missing-zero-grad",
    "clipped-loss", "broadcast-loss", "mismatched-loss", "negated-loss", "unscaled-input", "unscaled-target",
    "wrong-dtype", "wrong-layout", "unreduced-loss", "unshuffled-data", "missing-step", "detached-loss",
    "wrong-call-order", "detached-parameters", "parameters-not-in-optimizer", "stale-optimizer",
    "frozen-parameters", "unregistered-parameters", "class-imbalance", "wrong-class-weights",
    "logits-as-probabilities", "unscaled-half-precision", "training-in-eval-mode", "constant-feature",
    "insufficient-capacity", "overwritten-pretraining", "conflicting-labels", "label-errors", "dead-relu",
    "lr-too-high", "missing-nonlinearity", "uncentred-input", "vanishing-gradient", "saturated-activation",
    "ignored-mask", "oversized-dropout", "ignores-input", "saturating-activation", "unstable-depth",
    "oversized-regularisation", "unsuitable-optimizer", "wrong-momentum", "unsuitable-architecture",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="samples with the same answer [share]",
    explained_by=_CAUSES,
    fixes={
        "overfit-batch": "Train on one batch: a net that cannot tell its samples apart has a fault.",
    },
    experiments=("overfit-batch", "input-independent", "lr-range", "activation-trial", "depth-trial"),
    any_of=("prediction_top_share", "prediction_std"),
)
def collapsed_prediction(
    prediction_top_share: LayerSeries | None = None,
    target_top_share: LayerSeries | None = None,
    prediction_std: LayerSeries | None = None,
    target_std: LayerSeries | None = None,
    loss: LayerSeries | None = None,
    losses: Facts | None = None,
    *,
    share: float = 0.95,  # catalogue: of the batch gets the same class
    gap: float = 0.2,  # above the share of the commonest target: imbalanced labels are no fault
    spread: float = 0.03,  # std of prediction over that of the target; an R2 of 0.01 still gives 0.1
    patience: int = 50,  # steps, or as many as there are classes; before that a net may well say one thing
    late_share: float = 0.2,  # the last part of the run is judged
) -> Iterator[Finding]:
    """Nearly all inputs get the same prediction although their targets differ.

    ## Why it matters
    A net that says the same for every input has not learned from the input; its loss is that of a constant.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> said, true = LayerSeries.of(**{"t:4": [1.0] * 80}), LayerSeries.of(**{"t:4": [0.2] * 80})
    >>> collapsed_prediction(said, true)[0].message
    '100% of a batch get the same class at the end, while the commonest target is 20% of it'

    ## Known problems
    Imbalanced labels, sorted data and regression on pure noise have near constant predictions rightly: the targets
    are compared, and while the loss falls clearly it is a note. A language model learns how common words are before
    anything else, and says the commonest one until then: nothing is said in fewer steps than there are classes.

    ## References
    Catalogue: one class for more than 95 % of the inputs.
    """
    mild: Severity | None = "note" if learns(loss, gain=0.3) else None
    for site, one in (prediction_top_share or {}).items():
        young = max(patience, _classes(losses, site))
        said = late(one, share=late_share, patience=young)
        true = late(_of(target_top_share, site), share=late_share, patience=young)
        if said is not None and true is not None and said >= share and said - true > gap:
            message = f"{said:.0%} of a batch get the same class at the end, "
            message += f"while the commonest target is {true:.0%} of it"
            yield Finding(message, site, _onset(one, share), said, share, severity=mild, confidence=0.8)
    for site, one in (prediction_std or {}).items():
        said = late(one, share=late_share, patience=patience)
        true = late(_of(target_std, site), share=late_share, patience=patience)
        if said is not None and true is not None and true > 0 and said < spread * true:
            message = f"predictions vary by {said:.2g} (std) over a batch at the end, "
            message += f"while the targets vary by {true:.2g}"
            yield Finding(message, site, int(one.steps[-1]), said / true, spread, severity=mild, confidence=0.8)


def _onset(one: Series, limit: float) -> int:
    below = np.flatnonzero(one.values < limit)
    return int(one.steps[min(int(below[-1]) + 1, len(one) - 1)]) if len(below) else int(one.steps[0])


def _classes(losses: Facts | None, site: str) -> int:
    own = [record for record in losses or () if record.get("site") == site]
    return max((int(number(record, "classes") or 0) for record in own), default=0)


def _of(series: LayerSeries | None, site: str) -> Series:
    return series[site] if series is not None and site in series else Series.of([])
