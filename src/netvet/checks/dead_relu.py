"""ReLU units that never fire."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Finding, LayerSeries, Severity, check
from netvet.stats import learns, listed, stretches

_CAUSES = (
    "lr-too-high", "unscaled-input", "unscaled-target", "badly-scaled-init", "missing-zero-grad", "label-out-of-range",
    "unreduced-loss", "missing-warmup", "negated-loss", "regularisation-dominates", "mismatched-loss",
    "logits-as-probabilities", "wrong-class-weights", "wrong-call-order", "unsafe-loss-arithmetic",
    "wrong-output-activation", "non-finite-input", "unscaled-half-precision", "uncentred-input",
    "wrong-final-bias", "repeated-activation", "symmetric-init", "constant-feature", "wrong-dtype", "unstable-depth",
    "wrong-momentum", "unsuitable-optimizer",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="dead units [share]",
    explained_by=_CAUSES,
    fixes={
        "lower-lr": "Lower the learning rate by 10: large steps push units down for good.",
        "leaky-relu": "Use LeakyReLU or GELU, with He initialisation.",
    },
    experiments=("lr-range", "overfit-batch"),
)
def dead_relu(
    dead_unit_share: LayerSeries,
    loss: LayerSeries | None = None,
    *,
    limit: float = 0.3,  # catalogue: of the units of a layer
    severe: float = 0.9,  # nearly the whole layer: a warning even if the loss falls
    patience: int = 50,  # steps, to the end of the run
) -> Iterator[Finding]:
    """Units of a ReLU layer give zero for every sample of the batch, step after step.

    ## Why it matters
    A dead unit has no gradient, so it stays dead: the layer is narrower than it looks, at the worst it is a
    constant.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> dead_relu(LayerSeries.of(**{"net.1": [0.95] * 100}))[0].message
    '95% of the units of net.1 are dead (zero for every sample) since step 0'

    ## Known problems
    Sparse features and small batches leave units silent for a while, and wide layers on small data keep many: while
    the loss falls, that is a note, and so is what comes back to life (silent).

    ## References
    SageMaker Debugger counts a layer with more than 50 % inactive units; Lu et al., arXiv:1903.06733.
    """
    found = list(stretches(dead_unit_share, above=limit, patience=patience))
    if not found:
        return
    worst = max(found, key=lambda s: s.value)
    message = (
        f"{worst.value:.0%} of the units of {worst.layer} are dead (zero for every sample) since step {worst.since}"
    )
    if len(found) > 1:
        message += f"; so it is in {len(found)} layers ({listed(s.layer for s in found)})"
    mild = worst.value < severe and learns(loss)
    severity: Severity | None = "note" if mild else None
    shares = {s.layer: s.value for s in found}
    yield Finding(message, worst.layer, worst.since, worst.value, limit, None, shares, severity, 0.8)
