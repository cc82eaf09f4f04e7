"""Sudden peaks of the training loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from netvet.core import Finding, LayerSeries, Severity, check
from netvet.stats import MAD_TO_STD

_CAUSES = (
    "lr-too-high", "unscaled-input", "unscaled-target", "badly-scaled-init", "missing-zero-grad", "label-out-of-range",
    "unreduced-loss", "missing-warmup", "negated-loss", "regularisation-dominates", "mismatched-loss",
    "logits-as-probabilities", "wrong-class-weights", "ineffective-clip", "wrong-call-order",
    "unsafe-loss-arithmetic", "wrong-output-activation", "non-finite-input", "unscaled-half-precision",
    "outlier-samples", "corrupt-samples", "too-small-batch", "wrong-momentum", "unshuffled-data", "mutated-data",
    "label-errors", "exploding-gradient", "unstable-depth",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="loss [loss]",
    explained_by=_CAUSES,
    fixes={
        "clip-gradients": "Clip the gradient norm just above its usual size.",
        "lower-lr": "Lower the learning rate, or warm it up.",
    },
    experiments=("lr-range", "batch-size", "momentum-trial"),
    fewest=31,
)
def loss_spikes(
    loss: LayerSeries,
    *,
    sigmas: float = 10.0,  # robust std of the values before; 2x a mean fails for small losses (KillLossSpike)
    times: float = 3.0,  # the level before
    window: int = 30,  # values that make the level
    count: int = 3,  # spikes that make a warning, together with a loss that did not get better after them
) -> Iterator[Finding]:
    """The loss jumps far above its level of the steps before.

    ## Why it matters
    Each peak is a step that threw the weights away; what was learned before has to be learned again.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> loss_spikes(LayerSeries.of(**{"train.py:45": [1.0, 1.1, 0.9] * 20 + [9.0] + [1.0, 1.1, 0.9] * 20}))[0].message
    'the loss jumped from 1 to 9 at step 60, the only spike'

    ## Known problems
    Heavy-tailed losses, hard batches and scripts that train one model after another show peaks, and recover: a
    note.

    ## References
    Robust z-score; Chowdhery et al., arXiv:2204.02311, section 5.1 (loss spikes).
    """
    for site, one in loss.items():
        seen = one.finite()
        values = seen.values
        peaks = _peaks(values, window, sigmas, times)
        if not peaks:
            continue
        at, level = peaks[0]
        end = float(np.median(values[-max(3, len(values) // 10) :]))
        message = f"the loss jumped from {level:.3g} to {values[at]:.3g} at {seen.unit} {int(seen.steps[at])}, "
        message += f"the first of {len(peaks)} spikes" if len(peaks) > 1 else "the only spike"
        # A run that ends well below where it began has learned between its spikes; a loss that can be negative
        # (a policy gradient) has no level that means much.
        start = float(np.median(values[:window]))
        mild = len(loss) > 1 or len(peaks) < count or end < max(0.95 * level, 0.7 * start) or values.min() < 0
        value = float(values[at])
        steps = [int(seen.steps[i]) for i, _ in peaks[:50]]
        severity: Severity | None = "note" if mild else None
        yield Finding(message, site, steps[0], value, times * level, None, {"steps": steps}, severity, 0.6)


def _peaks(values: npt.NDArray[np.float64], window: int, sigmas: float, times: float) -> list[tuple[int, float]]:
    """Where values jump far above those before and come back: (index, level before), one per `window` values."""
    if len(values) <= window:
        return []
    before = np.lib.stride_tricks.sliding_window_view(values, window)[:-1]
    level = np.median(before, axis=1)
    spread = MAD_TO_STD * np.median(np.abs(before - level[:, None]), axis=1)
    limit = np.maximum(level + sigmas * np.maximum(spread, 0.01 * np.abs(level)), times * level)
    peaks: list[tuple[int, float]] = []
    last = -window
    for i in np.flatnonzero((level > 0) & (values[window:] > limit)):
        at = int(i) + window
        # What stays up is another level (longer episodes, a harder stage), or a divergence.
        after = values[at + 1 : at + 1 + window]
        if len(after) >= 5 and float(np.median(after)) >= values[at] / 2:
            continue
        if at - last > window:
            peaks.append((at, float(level[i])))
        last = at
    return peaks
