"""A loss that falls in the first steps and hardly after."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Finding, LayerSeries, check
from netvet.stats import course

_CAUSES = (
    "wrong-final-bias", "unscaled-target", "unscaled-input", "badly-scaled-init", "lr-too-high",
    "lr-decays-early", "misstepped-scheduler",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    measures="fall of the loss in the first steps [share]",
    explained_by=_CAUSES,
    fixes={
        "final-bias": "Set the bias of the last layer to the mean of the target or the log prior of the classes.",
    },
    experiments=("final-bias",),
    fewest=40,
)
def hockey_stick_loss(
    loss: LayerSeries,
    *,
    share: float = 0.9,  # of the whole fall
    within: float = 0.05,  # of the run
    patience: int = 100,  # steps
) -> Iterator[Finding]:
    """Nearly the whole fall of the loss is in the first few steps.

    ## Why it matters
    Those steps learn the mean of the target, which a good initial bias gives for nothing.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> hockey_stick_loss(LayerSeries.of(**{"t:4": [9.0, 5.0, 2.0] + [1.0] * 200}))[0].message
    '100% of the fall of the loss, from 9 to 1, came in the first 10 steps'

    ## Known problems
    Easy problems are learned in a few steps: never more than a note.

    ## References
    Karpathy, A Recipe for Training Neural Networks (2019): "init well".
    """
    for site, every in loss.items():
        one, seen = every.finite(), course(every)
        if len(one) < 40 and one.unit == "epoch":
            continue  # the first epoch has learned more than that alone
        if seen is None or not one.lasts(patience) or seen.start <= 0 or seen.gain < 0.3:
            continue
        steps = max(1, int(within * seen.span))
        after = one.since(int(one.steps[0]) + steps).values[: max(3, len(one) // 20)]
        whole, early = seen.start - seen.end, seen.start - float(np.median(after))
        if whole > 0 and early > share * whole:
            message = (
                f"{min(early / whole, 1.0):.0%} of the fall of the loss, from {seen.start:.3g} to {seen.end:.3g}, "
            )
            message += f"came in the first {steps} {one.unit}s"
            yield Finding(message, site, steps, early / whole, share, confidence=0.5)
