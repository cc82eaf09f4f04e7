"""A net that is too small for what it is to learn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from netvet.core import Facts, Finding, check


@check(
    stage="fit",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="loss with more capacity over without [share]",
    fixes={"wider": "Double the width, and see whether the training loss falls further."},
    experiments=("capacity",),
)
def insufficient_capacity(experiments: Facts, *, share: float = 0.5) -> Iterator[Finding]:
    """The net cannot learn a batch by heart, and more units beside it lower the training loss by far.

    ## Why it matters
    No learning rate and no patience make up for units that are not there.

    ## Example
    >>> from netvet.core import Facts
    >>> stuck = {"experiment": "overfit-batch", "verdict": "failed"}
    >>> losses = {"plain": [2.0, 2.1], "more": [0.4, 0.5], "as_narrow": [1.8, 1.9]}
    >>> wider = {"experiment": "capacity", "evidence": losses}
    >>> insufficient_capacity(Facts.of(stuck, wider))[0].message
    'a batch cannot be learned by heart, and with more units beside the net the training loss is 0.45 instead of 2.05'

    ## Known problems
    Only named where `netvet recipe` has measured both: a larger net is nearly always a little better, so that the loss
    must fall to less than half. Units beside dead ones help too; so a net beside that is as narrow as the program's own
    must not help as much.

    ## References
    Karpathy, A Recipe for Training Neural Networks (2019): verify decreasing training loss.
    """
    if not experiments.where(experiment="overfit-batch", verdict="failed"):
        return
    for record in experiments.where(experiment="capacity"):
        evidence = record.get("evidence") or {}
        before, after, narrow = (_mean(evidence.get(name)) for name in ("plain", "more", "as_narrow"))
        if before is None or after is None or narrow is None:
            continue
        if 0 < after < share * min(before, narrow):
            yield Finding(
                "a batch cannot be learned by heart, and with more units beside the net the training loss is "
                f"{after:.3g} instead of {before:.3g}",
                value=after / before,
                limit=share,
                confidence=0.8,
            )


def _mean(losses: Sequence[float] | None) -> float | None:
    finite = [v for v in losses or () if isinstance(v, (int, float)) and math.isfinite(v)]
    return sum(finite) / len(finite) if finite else None
