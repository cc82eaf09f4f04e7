"""Simple learners on flat samples: nearest neighbour and ridge regression, in numpy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

# Wider samples are projected: distances between random projections of this width are right within a few percent.
MAX_FEATURES = 2_048
# Whole numbers of several columns are counted, not measured: the ids of tokens. More values than this share counters.
MAX_COUNTERS = 512
# Strengths of the ridge, in units of the mean eigenvalue; the best on held-out samples is taken.
RIDGES = (1e-4, 1e-2, 1.0)
# Features are cut off so many standard deviations from their mean.
MAX_SIGMAS = 10.0


def side_by_side(arrays: Iterable[npt.NDArray[np.generic]]) -> Matrix:
    """All inputs side by side, [samples, ...] each. [samples, features]; ids of tokens as counts."""
    parts: list[Matrix] = []
    for array in arrays:
        rows = array.reshape(len(array), -1)
        values: Matrix = (np.abs(rows) if np.iscomplexobj(rows) else rows).astype(np.float64)
        if array.dtype.kind in "iu" and values.shape[1] > 1:
            values = _counts(values.astype(np.int64))
        parts.append(np.nan_to_num(values, posinf=0.0, neginf=0.0))
    joined = np.concatenate(parts, axis=1)
    if joined.shape[1] > MAX_FEATURES:
        projection = np.random.default_rng(0).standard_normal((joined.shape[1], MAX_FEATURES))
        joined = joined @ projection / np.sqrt(MAX_FEATURES)
    return joined


def _counts(ids: npt.NDArray[np.int64]) -> Matrix:
    found = np.zeros((len(ids), MAX_COUNTERS))
    np.add.at(found, (np.repeat(np.arange(len(ids)), ids.shape[1]), ids.reshape(-1) % MAX_COUNTERS), 1.0)
    return found


def ranks(values: Matrix) -> Matrix:
    """Each column's ranks from -1 to 1, equal values sharing theirs: no heavy tail, no unit. [samples, columns]."""
    found = np.zeros_like(values)
    for i, column in enumerate(values.T):
        _, where, counts = np.unique(column, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - (counts + 1) / 2
        found[:, i] = 2 * middle[where.reshape(-1)] / max(len(column) - 1, 1) - 1
    return found


def scaled(train: Matrix, other: Matrix) -> tuple[Matrix, Matrix]:
    """Both in units of the training features' mean and std."""
    mean, std = train.mean(0), train.std(0)
    std[std == 0] = 1.0
    # A few outliers must not make all other samples alike to the learners, nor outweigh them.
    return np.clip((train - mean) / std, -MAX_SIGMAS, MAX_SIGMAS), np.clip(
        (other - mean) / std, -MAX_SIGMAS, MAX_SIGMAS
    )


def nearest(train: Matrix, other: Matrix) -> npt.NDArray[np.int64]:
    """Index of the training sample nearest to each other sample."""
    squares = (train**2).sum(1)
    found = [np.argmin(squares - 2 * part @ train.T, axis=1) for part in np.array_split(other, len(other) // 256 + 1)]
    return np.concatenate(found).astype(np.int64)


class Ridge:
    """Ridge regression with its strength fixed, so that many targets can be fitted at once.

    Args:
        train: features [samples, features].
        strength: in units of the mean eigenvalue of the kernel.
    """

    def __init__(self, train: Matrix, strength: float) -> None:
        self._train = train
        kernel = train @ train.T
        scale = max(float(np.trace(kernel)) / len(kernel), 1e-12)
        self._inverse = np.linalg.inv(kernel + strength * scale * np.eye(len(kernel)))

    def predict(self, targets: Matrix, other: Matrix) -> Matrix:
        """Fit targets [samples, outputs] and predict the other samples."""
        mean = targets.mean(0)
        weights = self._train.T @ (self._inverse @ (targets - mean))
        predicted: Matrix = other @ weights + mean
        return predicted


def best_ridge(train: Matrix, targets: Matrix) -> float:
    """The strength that predicts a held-out fifth best."""
    cut = max(len(train) // 5, 1)
    if len(train) - cut < 2:
        return RIDGES[-1]
    errors = [
        float(((Ridge(train[cut:], s).predict(targets[cut:], train[:cut]) - targets[:cut]) ** 2).mean()) for s in RIDGES
    ]
    return RIDGES[int(np.argmin(errors))]


def one_hot(classes: npt.NDArray[np.int64], count: int) -> Matrix:
    """[samples] -> [samples, classes]."""
    found = np.zeros((len(classes), count))
    found[np.arange(len(classes)), classes] = 1.0
    return found


def r2(predicted: Matrix, wanted: Matrix) -> float:
    """Share of the variance explained, all outputs together; below zero where the mean would be better."""
    total = float(((wanted - wanted.mean(0)) ** 2).sum())
    return 1.0 - float(((predicted - wanted) ** 2).sum()) / total if total > 0 else float("nan")
