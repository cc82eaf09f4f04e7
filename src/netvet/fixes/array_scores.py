"""Scores of a model's outputs that do not depend on its loss, by what the targets are. NumPy alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# Of probabilities; labels smoothed by hand are still labels (0.1 in Szegedy et al. 2016).
HALF, SMOOTHED = 0.5, 0.1


def array_scores(output: Array, target: Array, *, sparse: bool = False, logits: bool = False) -> dict[str, float]:
    """`accuracy` and `balanced accuracy` where targets are classes, `r2` where they are numbers.

    Args:
        output: [samples, ..., classes or numbers]; target: [samples, ...].
        sparse: targets are numbers of classes; logits: an output above zero stands for a one.
    """
    output, target = output.astype(np.float64), np.asarray(target)
    if not output.size or not target.size:
        return {}
    if sparse:
        labels = target.reshape(-1)
        rows = output.reshape(-1, output.shape[-1])
        whole = len(labels) == len(rows) and output.shape[-1] > 1
        return _of_labels(labels, rows.argmax(-1)) if whole else {}
    if target.size != output.size:
        return {}
    wanted = target.reshape(output.shape).astype(np.float64)
    if output.ndim > 1 and output.shape[-1] > 1 and _one_hot(wanted):
        columns = output.shape[-1]
        return _of_labels(wanted.reshape(-1, columns).argmax(-1), output.reshape(-1, columns).argmax(-1))
    labels = ((wanted >= 0) & (wanted <= SMOOTHED)) | ((wanted >= 1 - SMOOTHED) & (wanted <= 1))
    if bool(labels.all()):
        within = bool(((output >= 0) & (output <= 1)).all())  # probabilities, whatever the loss takes them for
        limit = 0.0 if logits and not within else HALF
        return _of_labels((wanted > HALF).reshape(-1), (output > limit).reshape(-1))
    return _r2(output, wanted)


def _one_hot(target: Array) -> bool:
    return bool(np.isin(target, (0, 1)).all() and (target.sum(-1) == 1).all())


def _of_labels(labels: Array, predicted: Array) -> dict[str, float]:
    hits = labels == predicted
    classes = [float(hits[labels == one].mean()) for one in np.unique(labels)]
    found = {"accuracy": float(hits.mean())}
    return found | ({"balanced accuracy": math.fsum(classes) / len(classes)} if len(classes) > 1 else {})


def _r2(output: Array, target: Array) -> dict[str, float]:
    """One minus the squared error over the variance of the targets around the mean of each of their columns."""
    rows = target.reshape(len(target), -1)
    around = float(np.square(rows - rows.mean(0)).sum())
    if not math.isfinite(around) or around <= 1e-12 * float(np.square(rows).sum()):
        return {}
    return {"r2": 1.0 - float(np.square(target - output).sum()) / around}
