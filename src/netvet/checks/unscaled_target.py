"""Regression targets far from what an untrained net puts out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Record, Severity, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="spread of the targets over that of the outputs [times]",
    fixes={
        "standardise-target": "Train on (y - mean) / std of the training targets, and undo it for the prediction.",
        "final-bias": "Set the bias of the last layer to the mean of the targets.",
    },
)
def unscaled_target(
    targets: Facts,
    samples: Facts | None = None,
    losses: Facts | None = None,
    prediction_std: LayerSeries | None = None,
    target_std: LayerSeries | None = None,
    *,
    large: float = 10.0,  # std, or distance of the means; catalogue
    small: float = 0.01,  # std; the outputs of an untrained net spread over about 0.1
    times: float = 10.0,  # target std over output std before the first update, or the other way round
) -> Iterator[Finding]:
    """The regression target is far larger, smaller or further off than the first outputs of the net.

    ## Why it matters
    With small learning rates the last layer needs thousands of steps merely to reach the size of the target, and the
    squared error gives gradients as large as the target. Most of the training learns two numbers, mean and scale.

    ## Example
    >>> from netvet.core import Facts
    >>> target = {"kind": "regression", "phase": "train", "mean": 152.0, "std": 77.0, "samples": 400}
    >>> sick = Facts.of({"site": "train.py:44", **target, "output_mean": 0.02, "output_std": 0.1})
    >>> unscaled_target(sick, Facts.of({"complete": True}))[0].message
    'the target has mean 152 and std 77, but the untrained net puts out mean 0.02 and std 0.1'

    ## Known problems
    Returns and bootstrapped values of reinforcement learning grow with the policy: only targets of a fixed data set
    are judged. Nets that rescale their own output match the target from the start; constant targets (zeros for a
    residual, ones for a discriminator) have no scale. Where the predictions got the right spread, it is a note.

    ## References
    LeCun et al., Efficient BackProp (1998), 4.5; Karpathy, A Recipe for Training Neural Networks: init well.
    """
    places = {loss.get("site"): location_of(loss, "scale", "target", "") for loss in losses or ()}
    for target in targets.where(phase="train", kind="regression"):
        site = str(target.get("site"))
        mean, std, out, spread = (number(target, f) for f in ("mean", "std", "output_mean", "output_std"))
        if mean is None or not std or std < 1e-12 or out is None or spread is None:
            continue
        # A target of unit scale is not at fault where the outputs are far off: that is the last bias.
        away = min(abs(mean - out), abs(mean))
        too_large = (max(std, away) > large and std > times * spread) or (
            away > large and away > times * max(spread, std)
        )
        too_small = std < small and spread > times * std
        if not (too_large or too_small) or not _fixed(samples, target_std, site):
            continue
        reached = _reached(prediction_std, site, std)
        message = (
            f"the target has mean {mean:.3g} and std {std:.3g}, "
            f"but the untrained net puts out mean {out:.3g} and std {spread:.3g}"
        )
        limit = large if too_large else small
        sure = 0.6 if reached is None else 0.8
        severity: Severity | None = "note" if reached else None
        value = max(std, away) if too_large else std
        yield Finding(message, site, 0, value, limit, places.get(site), severity=severity, confidence=sure)


def _fixed(samples: Facts | None, target_std: LayerSeries | None, site: str) -> bool:
    """Whether the targets belong to a data set, in place of growing with a policy."""
    record: Record | None = next(iter(samples or ()), None)
    if record is not None:
        return record.get("complete") is True
    one = target_std[site].finite() if target_std is not None and site in target_std else None
    if one is None or len(one) < 8:
        return False
    early, late = (float(np.median(part)) for part in np.array_split(one.values, 2))
    return 0 < max(early, late) < 1.5 * min(early, late)


def _reached(prediction_std: LayerSeries | None, site: str, std: float) -> bool | None:
    """Whether the predictions spread as the targets do at the end (None: not known)."""
    one = prediction_std[site].finite() if prediction_std is not None and site in prediction_std else None
    if one is None or len(one) < 4:
        return None
    return 0.5 * std < float(np.median(one.values[-max(len(one) // 4, 2) :])) < 2 * std
