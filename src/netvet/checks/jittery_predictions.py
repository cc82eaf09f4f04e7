"""Predictions that flip back and forth."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Finding, LayerSeries, check
from netvet.stats import late

_CAUSES = (
    "lr-too-high", "too-small-batch", "random-labels", "label-errors", "unshuffled-data", "missing-zero-grad",
    "wrong-momentum", "excessive-augmentation",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    measures="predictions that change [share]",
    explained_by=_CAUSES,
    fixes={
        "lower-lr": "Lower the learning rate towards the end, or average the weights.",
    },
    experiments=("lr-range", "batch-size", "momentum-trial"),
)
def jittery_predictions(
    fixed_batch_flips: LayerSeries,
    *,
    limit: float = 0.2,  # of the batch, from one look to the next
    patience: int = 50,  # steps
) -> Iterator[Finding]:
    """The predicted classes of a fixed batch keep changing late in the run.

    ## Why it matters
    Steps that undo each other cost time.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> jittery_predictions(LayerSeries.of(**{"fixed": [0.4] * 60}))[0].message
    '40% of a fixed batch still change their predicted class from one look to the next'

    ## Known problems
    Small batches and the edge of stability look like this in healthy runs: never more than a note.

    ## References
    Cohen et al., arXiv:2103.00065.
    """
    for layer, one in fixed_batch_flips.items():
        level = late(one, patience=patience)
        if layer not in ("(all)", *fixed_batch_flips) or (
            len(fixed_batch_flips) > 1 and "(all)" in fixed_batch_flips and layer != "(all)"
        ):
            continue
        if level is not None and level > limit:
            yield Finding(
                f"{level:.0%} of a fixed batch still change their predicted class from one look to the next",
                layer,
                None,
                level,
                limit,
                confidence=0.5,
            )
