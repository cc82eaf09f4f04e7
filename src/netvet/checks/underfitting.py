"""A training loss that levels off high."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, check
from netvet.stats import constant_loss, course, slope, sole_loss

_CAUSES = (
    "insufficient-capacity", "missing-nonlinearity", "lr-too-low", "lr-too-high", "lr-decays-early",
    "misstepped-scheduler", "regularisation-dominates", "double-softmax", "double-sigmoid",
    "parameters-not-in-optimizer", "frozen-parameters", "detached-parameters", "excessive-augmentation",
    "label-errors", "random-labels", "missing-zero-grad", "broadcast-loss", "oversized-dropout",
    "oversized-regularisation",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    explained_by=_CAUSES,
    fixes={
        "wider": "Double the width, and see whether the training loss falls further.",
    },
)
def underfitting(
    loss: LayerSeries,
    losses: Facts | None = None,
    targets: Facts | None = None,
    initial_loss: Facts | None = None,
    *,
    limit: float = 0.7,  # of the loss of the best constant prediction
    patience: int = 100,  # steps
) -> Iterator[Finding]:
    """The training loss has levelled off at not much less than a constant prediction.

    ## Why it matters
    A net that cannot fit its training samples cannot do well on others.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> site = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 10})
    >>> underfitting(LayerSeries.of(**{"t:4": [2.3, 2.1, 2.0, *[1.9, 1.91] * 80]}), site)[0].message
    'the training loss levelled off at 1.9, 83% of the 2.3 of a constant prediction'

    ## Known problems
    Noisy targets and language have a high floor: a note.

    ## References
    Karpathy, A Recipe for Training Neural Networks (2019): "overfit".
    """
    level = constant_loss(sole_loss(losses), targets, initial_loss)
    if len(loss) != 1 or not level or level <= 0:
        return
    site, one = next(iter(loss.items()))
    seen = course(one)
    if seen is None or seen.span < patience or seen.end <= limit * level or seen.end > 0.98 * level:
        return
    last = int(one.steps[-1])
    late, error = slope(one.since(last - seen.span // 4).finite())
    if -late * seen.span / 4 <= max(3 * error * seen.span / 4, 0.01 * seen.end):
        message = f"the training loss levelled off at {seen.end:.3g}, "
        message += f"{seen.end / level:.0%} of the {level:.2g} of a constant prediction"
        yield Finding(message, site, last, seen.end, limit * level, confidence=0.5)
