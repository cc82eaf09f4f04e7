"""Successive gradients that have nothing in common."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, check, location_of
from netvet.stats import late, number

_CAUSES = (
    "too-small-batch", "lr-too-high", "random-labels", "label-errors", "unshuffled-data", "wrong-momentum",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    measures="cosine of successive gradients [cosine]",
    explained_by=_CAUSES,
    fixes={
        "baseline": "Policy gradient: subtract the mean reward (or a critic's value) and divide by the std.",
        "larger-batch": "Use a larger batch or a lower learning rate.",
    },
    experiments=("batch-size", "lr-range"),
)
def noisy_gradient(
    grad_cosine: LayerSeries,
    gradient_noise: Facts | None = None,
    score_weights: Facts | None = None,
    *,
    offset: float = 3.0,  # std of the weights of a policy gradient; an advantage has a mean near zero
    noise: float = 3.0,  # gradient noise over signal: a batch would have to be larger by this
    limit: float = -0.3,  # below zero successive steps undo each other
    patience: int = 50,  # steps
) -> Iterator[Finding]:
    """The cosine between successive gradients is near zero or below.

    ## Why it matters
    Steps that undo each other cost time.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> noisy_gradient(LayerSeries.of(**{"(all)": [-0.8] * 60}))[0].message
    'successive gradients point against each other: their cosine is -0.8 over all parameters'

    ## Known problems
    Small batches and the edge of stability look like this in healthy runs: a note. A policy
    gradient whose rewards have no baseline is a warning, for its noise has a known cause.

    ## References
    Cohen et al., arXiv:2103.00065; Williams (1992), REINFORCE, section 4 (reinforcement baseline).
    """
    for weights in score_weights or ():
        mean, std = number(weights, "mean"), number(weights, "std")
        lost = max((number(r, "ratio") or 0.0 for r in gradient_noise or ()), default=0.0)
        if mean is not None and std is not None and abs(mean) > offset * std and lost > noise:
            message = (
                f"the log-probabilities of sampled actions are weighted by {mean:.3g} (std {std:.2g}): whatever was "
            )
            message += f"drawn is pushed the same way, and the gradient is {lost:.3g} parts noise to one of signal"
            place = location_of(weights)
            yield Finding(message, None, None, lost, noise, place, severity="warning", confidence=0.8)
            return
    key = "(all)" if "(all)" in grad_cosine else next(iter(grad_cosine), None) if len(grad_cosine) == 1 else None
    level = late(grad_cosine[key], patience=patience) if key is not None else None
    if level is not None and level < limit:
        message = f"successive gradients point against each other: their cosine is {level:.2g} over all parameters"
        yield Finding(message, key, None, level, limit, confidence=0.5)
