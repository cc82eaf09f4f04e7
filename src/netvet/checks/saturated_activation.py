"""Tanh or sigmoid units at the end of their range."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Finding, LayerSeries, Severity, check
from netvet.stats import learns, listed, stretches

_CAUSES = (
    "lr-too-high", "unscaled-input", "uncentred-input", "badly-scaled-init", "missing-zero-grad",
    "unscaled-target", "negated-loss", "unreduced-loss", "missing-warmup", "wrong-dtype", "saturating-activation",
    "wrong-class-weights", "wrong-final-bias", "repeated-activation", "wrong-output-activation",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="saturated units [share]",
    explained_by=_CAUSES,
    fixes={
        "standardise": "Standardise the inputs and use Xavier initialisation.",
        "relu": "Use ReLU-like activations in hidden layers.",
    },
    experiments=("lr-range", "overfit-batch", "activation-trial"),
)
def saturated_activation(
    saturated_unit_share: LayerSeries,
    loss: LayerSeries | None = None,
    *,
    limit: float = 0.5,  # catalogue: of the units of a layer
    severe: float = 0.9,  # nearly the whole layer: a warning even if the loss falls
    patience: int = 50,  # steps, to the end of the run
) -> Iterator[Finding]:
    """Most inputs of a tanh or sigmoid unit lie where its derivative is below 1 % of the maximum.

    ## Why it matters
    Where the curve is flat no gradient passes: the unit and all that feeds it stop learning.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> saturated_activation(LayerSeries.of(**{"net.1": [0.95] * 100}))[0].message
    '95% of the units of net.1 are saturated (derivative under 1% of the top) since step 0'

    ## Known problems
    Gates of recurrent cells and the outputs of a confident classifier are meant to be near 0 or 1: while the loss
    falls, it is only a note.

    ## References
    Glorot and Bengio (2010), section 3. The derivative is 1 % of its maximum at 3.0 (tanh) and 6.0 (sigmoid).
    """
    found = list(stretches(saturated_unit_share, above=limit, patience=patience))
    if not found:
        return
    worst = max(found, key=lambda s: s.value)
    message = f"{worst.value:.0%} of the units of {worst.layer} are saturated (derivative under 1% of the top) "
    message += f"since step {worst.since}"
    if len(found) > 1:
        message += f"; so it is in {len(found)} layers ({listed(s.layer for s in found)})"
    mild = learns(loss)
    severity: Severity | None = "note" if mild else None
    shares = {s.layer: s.value for s in found}
    yield Finding(message, worst.layer, worst.since, worst.value, limit, None, shares, severity, 0.8)
