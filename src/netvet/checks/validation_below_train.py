"""A validation loss below the training loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Finding, LayerSeries, check

_CAUSES = (
    "split-overlap", "training-in-eval-mode", "duplicate-samples", "excessive-augmentation", "oversized-dropout",
    "split-drift", "group-overlap", "partial-evaluation",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    explained_by=_CAUSES,
    fixes={
        "compare": "Evaluate the training samples in the same mode, and compare.",
    },
)
def validation_below_train(
    val_loss: LayerSeries,
    loss: LayerSeries,
    *,
    gap: float = 0.3,  # of the training loss
    evaluations: int = 4,
) -> Iterator[Finding]:
    """The validation loss stays clearly below the training loss.

    ## Why it matters
    Either validation is easier or known already, or training is made harder.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> validation_below_train(LayerSeries.of(v=[0.5] * 6), LayerSeries.of(t=[1.0] * 6))[0].message
    'the validation loss is 0.5 at the end, 50% below the training loss of 1'

    ## Known problems
    Dropout, augmentation and the average over a falling epoch put it there rightly: a note.

    ## References
    pytorch/examples issue 305.
    """
    if len(loss) != 1 or len(val_loss) != 1:
        return
    site, train = next(iter(val_loss)), next(iter(loss.values())).finite().values
    val = val_loss[site].finite().values
    if len(val) < evaluations or len(train) < evaluations:
        return
    low, high = float(np.median(val[-3:])), float(np.median(train[-max(3, len(train) // 10) :]))
    if 0 < low < (1 - gap) * high:
        message = (
            f"the validation loss is {low:.3g} at the end, {1 - low / high:.0%} below the training loss of {high:.3g}"
        )
        yield Finding(message, site, int(val_loss[site].steps[-1]), 1 - low / high, gap, confidence=0.5)
