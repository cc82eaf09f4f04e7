"""A validation loss below the training loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Severity, check
from netvet.stats import is_minor, number

_CAUSES = (
    "split-overlap", "training-in-eval-mode", "duplicate-samples", "excessive-augmentation", "oversized-dropout",
    "split-drift", "group-overlap", "partial-evaluation",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    measures="validation below training loss [share]",
    explained_by=_CAUSES,
    fixes={
        "compare": "Evaluate the training samples in the same mode, and compare.",
    },
    experiments=("whole-evaluation", "augmentation"),
    fewest=4,
)
def validation_below_train(
    val_loss: LayerSeries,
    loss: LayerSeries,
    baselines: Facts | None = None,
    samples: Facts | None = None,
    losses: Facts | None = None,
    *,
    gap: float = 0.3,  # of the training loss
    evaluations: int = 4,
    margin: float = 0.05,  # of the accuracy
    sigmas: float = 2.0,  # both were asked about the same samples
) -> Iterator[Finding]:
    """The validation loss stays clearly below the training loss.

    ## Why it matters
    Either validation is easier or known already, or training is made harder.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> validation_below_train(LayerSeries.of(v=[0.5] * 6), LayerSeries.of(t=[1.0] * 6))[0].message
    'the validation loss is 0.5 at the end, 50% below the training loss of 1'

    ## Known problems
    Dropout, augmentation and the average over a falling epoch put it there rightly: a note, unless simple learners that
    saw most of the validation samples beat the net, which saw changed training samples.

    ## References
    pytorch/examples issue 305.
    """
    if len(loss) != 1 or len(val_loss) != 1:
        return
    site, train = next(iter(val_loss)), next(iter(loss.values())).finite().values
    val = val_loss[site].finite().values
    if len(val) < evaluations or len(train) < evaluations or is_minor(site.split(" (")[0], losses):
        return
    low, high = float(np.median(val[-3:])), float(np.median(train[-max(3, len(train) // 10) :]))
    if 0 < low < (1 - gap) * high:
        message = (
            f"the validation loss is {low:.3g} at the end, {1 - low / high:.0%} below the training loss of {high:.3g}"
        )
        worse = _outdone(baselines, samples, margin, sigmas)
        if worse:
            message += f"; every epoch has new variants of the training samples, and the net scores {worse[0]:.2g}, "
            message += (
                f"where four fifths of the validation samples are enough for a simple learner to score {worse[1]:.2g}"
            )
        severity: Severity | None = "warning" if worse else None
        step = int(val_loss[site].steps[-1])
        yield Finding(message, site, step, 1 - low / high, gap, severity=severity, confidence=0.5)


def _outdone(
    baselines: Facts | None, samples: Facts | None, margin: float, sigmas: float
) -> tuple[float, float] | None:
    """The scores of a net trained on augmented samples, and of a simple learner that did better on plain ones."""
    if not any((number(s, "epoch_fresh") or 0.0) > 0.5 for s in samples or ()):
        return None
    for record in baselines or ():
        own, held, count = (number(record, name) for name in ("model", "held_best", "samples"))
        if own is None or held is None or not count or record.get("score") != "accuracy":
            continue
        error = float(np.sqrt(sum(max(p * (1 - p), 0.0) for p in (own, held)) / count))
        return (own, held) if held - own > max(margin, sigmas * error) else None
    return None
