"""A validation loss that rises while the training loss falls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Series, Severity, check
from netvet.stats import constant_loss, is_minor, noise, sole_loss

_CAUSES = (
    "too-few-samples", "duplicate-samples", "label-errors", "random-labels", "conflicting-labels", "split-drift",
    "mismatched-normalisation", "evaluation-in-train-mode", "excessive-augmentation", "training-in-eval-mode",
    "group-overlap", "spurious-feature", "leaking-feature", "repeated-worker-rng", "target-in-input",
    "future-leak", "negated-loss",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="rise of the validation loss [share]",
    explained_by=_CAUSES,
    fixes={
        "early-stopping": "Keep the weights of the best validation loss and stop there.",
        "mild-augmentation": "Images: shift each by a pixel or two in training.",
        "regularise": "More data, augmentation, weight decay or dropout, in that order.",
    },
    experiments=("learning-curve", "augmentation"),
    fewest=6,
)
def overfitting(
    val_loss: LayerSeries,
    loss: LayerSeries,
    checkpoints: Facts | None = None,
    losses: Facts | None = None,
    targets: Facts | None = None,
    initial_loss: Facts | None = None,
    *,
    rise: float = 0.2,  # of the lowest validation loss; up to that it is a note
    small: float = 0.05,
    hopeless: float = 1.5,  # times the loss of a constant answer, at the best evaluation
    sigmas: float = 5.0,
    evaluations: int = 6,
) -> Iterator[Finding]:
    """The validation loss rises clearly above its minimum while the training loss goes on falling.

    ## Why it matters
    From the turning point on the net learns its training samples by heart: the last weights are worse than earlier
    ones.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> val = LayerSeries.of(**{"t:9": [1.0, 0.8, 0.6, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]})
    >>> train = LayerSeries.of(**{"t:4": [1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06]})
    >>> overfitting(val, train)[0].message
    'the validation loss rose from 0.5 at step 3 to 1 at the end (100%), while the training loss fell from 0.6 to 0.08'

    ## Known problems
    Few or noisy evaluations, scripts that train several models, and small rises are silent or notes; so is a script
    that saves its weights along the way, for it can go back to the best.

    ## References
    Prechelt (1998), Early stopping - but when?
    """
    train = next(iter(loss.values())).finite() if len(loss) == 1 else None
    # A net that was never better than a constant answer has not learned anything to lose.
    level = constant_loss(sole_loss(losses), targets, initial_loss)
    for site, every in val_loss.items():
        one = every.finite()
        if train is None or len(one) < evaluations or not len(train) or is_minor(site.split(" (")[0], losses):
            continue
        best, end = int(one.values.argmin()), float(np.mean(one.values[-3:]))
        low = float(one.values[best])
        spread, risen = max(noise(one.values), noise(one.values[best:])), end - low
        rest = one.values[best:]  # the best lies in the first three quarters; the last third is above the middle one
        if low <= 0 or (level is not None and low > hopeless * level):
            continue
        if best > 0.75 * (len(one) - 1) or len(rest) < 4 or risen <= max(small * low, sigmas * spread):
            continue
        since = int(one.steps[best])
        before, now = _around(train, since)
        if not now < before or float(np.mean(rest[-2:])) <= float(np.mean(rest[:2])):
            continue
        message = (
            f"the validation loss rose from {low:.3g} at {one.unit} {since} to {end:.3g} at the end "
            f"({risen / low:.0%}), while the training loss fell from {before:.3g} to {now:.3g}"
        )
        saved = sum(1 for c in checkpoints or () if c.get("kind") == "save") > 1
        severity: Severity | None = "note" if risen <= rise * low or saved else None
        yield Finding(message, site, since, risen / low, rise, severity=severity, confidence=0.8)


def _around(train: Series, since: int) -> tuple[float, float]:
    """The training loss up to that step and at the end; NaN where too little is known."""
    then, after = train.values[train.steps <= since][-5:], train.since(since).values
    if not len(then) or len(after) < 3:
        return np.nan, np.nan
    return float(np.median(then[-3:])) if len(then) > 3 else float(then[-1]), float(np.median(after[-3:]))
