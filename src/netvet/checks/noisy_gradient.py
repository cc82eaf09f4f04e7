"""Successive gradients that have nothing in common."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Finding, LayerSeries, check
from netvet.stats import late

_CAUSES = (
    "too-small-batch", "lr-too-high", "random-labels", "label-errors", "unshuffled-data", "wrong-momentum",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    explained_by=_CAUSES,
    fixes={
        "larger-batch": "Use a larger batch or a lower learning rate.",
    },
)
def noisy_gradient(
    grad_cosine: LayerSeries,
    *,
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
    Small batches and the edge of stability look like this in healthy runs: never more than a note.

    ## References
    Cohen et al., arXiv:2103.00065.
    """
    for layer, one in grad_cosine.items():
        level = late(one, patience=patience)
        if layer not in ("(all)", *grad_cosine) or (
            len(grad_cosine) > 1 and "(all)" in grad_cosine and layer != "(all)"
        ):
            continue
        if level is not None and level < limit:
            yield Finding(
                f"successive gradients point against each other: their cosine is {level:.2g} over all parameters",
                layer,
                None,
                level,
                limit,
                confidence=0.5,
            )
