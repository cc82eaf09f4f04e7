"""Rows of a table that are one row with a little noise."""

from __future__ import annotations

import numpy as np

from netvet.data.faults import neighbours
from netvet.data.faults.limits import dimension_of, near
from netvet.data.faults.neighbours import Floats, Pairs

# Of the median distance between nearest neighbours: see `duplicates`.
NEAR = 0.36
# Different values of a column of measured numbers, how many such columns tell rows apart, and how far near rows may be
# apart in a column, in standard deviations: rows with few measured numbers come near each other by chance.
VALUES, COLUMNS, STEP = 50, 3, 0.1
# Of the median distance of nearest neighbours, within which rows are compared column by column.
CLOSE = 0.1
# Neighbours that tell by how much rows that are near differ in a column; the nearest might be a copy.
USUAL = slice(1, 8)
# Rows that may differ so little in so many columns by chance, in all of the data.
BY_CHANCE = 0.01


def near_rows(features: Floats, points: Floats) -> Pairs:
    """Rows that are near in every column: a step in a column of few values is another row, as is a missing value."""
    finite = np.isfinite(features)
    part = features[:: max(len(features) // 5_000, 1)]
    if sum(len(np.unique(column[np.isfinite(column)])) >= VALUES for column in part.T) < COLUMNS:
        return Pairs.none()
    pairs = near(points, NEAR).joined(_jittered(features, points))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(features[pairs.first] - features[pairs.second])
        spread = np.nanstd(np.where(finite, features, np.nan), axis=0, dtype=np.float64)
        same = finite[pairs.first] == finite[pairs.second]
        return pairs.where((same & ~(apart > STEP * spread)).all(axis=1))


def _jittered(features: Floats, points: Floats) -> Pairs:
    """Rows that differ in many columns, and in each by far less than rows that are near do.

    Where rows crowd, as those of things on sale do, different ones are as near as copies, but differ by whole steps in
    some columns and not at all in others.
    """
    asked = neighbours.asked_of(points)
    if len(points) <= USUAL.stop or not points.shape[1]:
        return Pairs.none()
    distance, numbers = neighbours.nearest(points, asked, USUAL.stop)
    pairs = neighbours.near_points(points, CLOSE * float(np.median(distance[:, 0])))
    usual = np.abs(features[asked][:, None] - features[numbers[:, USUAL]]).reshape(-1, features.shape[1])
    odds = np.zeros(len(pairs))
    with np.errstate(invalid="ignore"):
        for column in range(features.shape[1]):
            steps = usual[:, column]
            steps = np.sort(steps[np.isfinite(steps)])
            apart = np.abs(features[pairs.first, column] - features[pairs.second, column])
            rarer = np.searchsorted(steps, apart, "right") - np.searchsorted(steps, 0, "right")
            odds += np.where(apart > 0, np.log((rarer + 1) / (len(steps) + 1)), 0)
    # Columns depend on each other: they count as no more than the dimension of the data, and half of them at most.
    free = min(dimension_of(np.sort(distance[:, 0])) / features.shape[1], 0.5)
    return pairs.where(odds * free + np.log(len(points)) <= np.log(BY_CHANCE))
