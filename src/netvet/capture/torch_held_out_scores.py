"""What predictions of single samples say together: confusions, calibration, predicted against target."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

MAX_SHOWN, MAX_POINTS = 50, 500
# Guo et al. 2017, section 5.
BINS = 15


def classification(probabilities: Floats, labels: Labels, *, calibrated: bool = True) -> dict[str, Any]:
    """Accuracy, confusions and calibration of probabilities [n, classes] for labels [n].

    Args:
        calibrated: the probabilities are meant to be some; else no calibration is told.
    """
    predicted, classes = probabilities.argmax(1), probabilities.shape[1]
    right = predicted == labels
    chosen = shown_classes(predicted, labels, classes)
    place = np.full(classes, -1)
    place[chosen] = np.arange(len(chosen))
    rows, columns = place[labels], place[predicted]
    inside = (rows >= 0) & (columns >= 0)
    counts = np.zeros((len(chosen), len(chosen)), dtype=np.int64)
    np.add.at(counts, (rows[inside], columns[inside]), 1)
    support = np.bincount(labels, minlength=classes)
    hit = np.bincount(labels[right], minlength=classes)
    return {
        "accuracy": float(right.mean()) if len(right) else None, "classes": classes, "shown": chosen.tolist(),
        "confusion": counts.tolist(), "outside": int((~inside).sum()),
        "support": support[chosen].tolist(),
        "recall": [float(hit[c] / support[c]) if support[c] else None for c in chosen],
        "calibration": calibration(probabilities.max(1), right) if calibrated and len(right) else None,
    }  # fmt: skip


def shown_classes(predicted: Labels, labels: Labels, classes: int) -> Labels:
    """All classes, or those that are most often taken for others and others for them."""
    if classes <= MAX_SHOWN:
        return np.arange(classes)
    wrong = predicted != labels
    errors = np.bincount(labels[wrong], minlength=classes) + np.bincount(predicted[wrong], minlength=classes)
    common = np.bincount(labels, minlength=classes)
    order = np.lexsort((np.arange(classes), -common, -errors))
    found: Labels = np.sort(order[:MAX_SHOWN])
    return found


def calibration(confidence: Floats, right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Mean confidence and accuracy in bins of equal width, and the expected calibration error.

    Source:
        Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3 (bins are open below).
    """
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    sure, hits = (np.bincount(bins, weights=v, minlength=BINS) for v in (confidence, right.astype(np.float64)))
    known = counts > 0
    with np.errstate(invalid="ignore"):
        means, shares = sure / counts, hits / counts
    gaps = np.abs(shares - means)[known] * counts[known] / counts.sum()
    return {
        "confidence": [_number(v) for v in means], "accuracy": [_number(v) for v in shares],
        "count": counts.tolist(), "error": float(gaps.sum()),
    }  # fmt: skip


def regression(predicted: Floats, targets: Floats) -> dict[str, Any]:
    """Points of predicted [n, outputs] against targets, evenly chosen; the share of variance that is explained."""
    known = np.isfinite(predicted).all(1) & np.isfinite(targets).all(1)
    predicted, targets = predicted[known], targets[known]
    count, outputs = predicted.shape
    shown = min(outputs, MAX_POINTS)
    each = max(1, MAX_POINTS // max(shown, 1))
    rows = np.unique(np.linspace(0, count - 1, min(count, each)).round().astype(int)) if count else np.arange(0)
    spread = ((targets - targets.mean(0)) ** 2).sum() if count else 0.0
    return {
        "outputs": outputs,
        "r2": _number(1 - ((predicted - targets) ** 2).sum() / spread) if spread > 0 else None,
        "rmse": _number(np.sqrt(((predicted - targets) ** 2).mean())) if count else None,
        "predicted": [[_number(v) for v in predicted[rows, k]] for k in range(shown)],
        "target": [[_number(v) for v in targets[rows, k]] for k in range(shown)],
    }  # fmt: skip


def _number(value: Any) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
