"""Samples that do not belong to the tail of the distribution that the others follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.faults import NotAssessable, neighbours
from netvet.data.index import Audited, Split

Numbers = npt.NDArray[np.float64]

EXAMPLES = 10
FEWEST = 50
# Neighbours whose mean distance tells how far a sample is from all others; cleanlab's k.
NEIGHBOURS = 10
# Outliers are looked for among so many of the farthest, and beyond so many spreads of the middle half.
MOST, BEYOND = 0.15, 3.0
# Chance that the tail of a clean set has such a gap; it is at least so many mean excesses over the 0.9 quantile wide.
CHANCE, LEAST = 0.001, 0.3
# Columns of a table that are looked at one by one; distances held at once.
MAX_AXES = 256
BLOCK = 4_000_000
# Attributes that are no property of a sample that has a tail.
UNTAILED = ("time", "group")


def outliers(data: Audited) -> list[Record]:
    """Records of the signal `outliers`: one for each split and axis with any."""
    splits = [s for s in data.splits.values() if len(s) >= FEWEST]
    if not splits:
        raise NotAssessable(f"no split has {FEWEST} samples")
    return [record for split in splits for record in _split(data, split)]


def _split(data: Audited, split: Split) -> Iterator[Record]:
    for axis, values in _axes(data, split):
        for side, signed in (("high", values), ("low", -values)):
            if axis == "features" and side == "low":
                continue
            marked = _marked(signed)
            if marked.any():
                yield _record(split, axis, side, values, marked)


def _axes(data: Audited, split: Split) -> Iterator[tuple[str, Numbers]]:
    """Every attribute, every column of a table, and the distance to the neighbours in all features."""
    rows, said = split.rows, set(data.facts.values()) | set(UNTAILED)
    for name, values in rows.attributes.items():
        if values.dtype.kind in "fiu" and name not in said:
            yield name, values.astype(np.float64)
    width = rows.features.shape[1]
    if data.kind == "table" and width <= MAX_AXES:
        for column in range(width):
            yield (rows.names[column] if rows.names else str(column)), rows.features[:, column].astype(np.float64)
    if width >= 2:
        yield "features", neighbour_distance(data, split)


def neighbour_distance(data: Audited, split: Split) -> Numbers:
    """Mean distance of each sample [n] to its 10 nearest others.

    Of many samples, the distance to a part of them chosen at random stands for it, and only those that are far from
    that part are compared with all.
    """
    points = neighbours.scaled(split.rows.features) if data.kind in ("table", "tensor") else split.rows.features
    points = np.nan_to_num(points)
    asked = neighbours.asked_of(points)
    if len(asked) == len(points):
        whole: Numbers = neighbours.nearest(points, asked, NEIGHBOURS)[0].mean(axis=1)
        return whole
    found = _to_part(points, asked)
    far = np.argsort(found, kind="stable")[-len(asked) :]
    exact = neighbours.nearest(points, far, NEIGHBOURS)[0].mean(axis=1)
    some = neighbours.nearest(points, asked, NEIGHBOURS)[0].mean(axis=1)
    # To all points it is nearer than to a part: by how much is read off those of which both are known.
    found *= np.median(some / np.maximum(found[asked], 1e-30))
    found[far] = np.minimum(found[far], exact)
    return found


def _to_part(points: neighbours.Floats, asked: npt.NDArray[np.int64]) -> Numbers:
    """Mean distance of all points to the nearest 10 of some, themselves left out."""
    part = points[asked]
    squares, found = np.square(part).sum(axis=1), np.zeros(len(points))
    place = np.full(len(points), -1)
    place[asked] = np.arange(len(asked))
    for begin in range(0, len(points), max(BLOCK // len(part), 1)):
        some = slice(begin, begin + max(BLOCK // len(part), 1))
        apart = squares - 2 * (points[some] @ part.T) + np.square(points[some]).sum(axis=1)[:, None]
        own = np.flatnonzero(place[some] >= 0)
        apart[own, place[some][own]] = np.inf
        best = np.partition(apart, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        found[some] = np.sqrt(np.maximum(best, 0)).mean(axis=1)
    return found


def _marked(values: Numbers) -> npt.NDArray[np.bool_]:
    """Which lie beyond the tail, both as they are and, where all are positive, by their logarithms."""
    finite = np.isfinite(values)
    known = values[finite]
    marked = np.zeros(len(values), bool)
    if len(known) < FEWEST or len(np.unique(known[:: max(len(known) // 10_000, 1)])) < 20:
        return marked
    limit = tail_limit(known)
    if np.isfinite(limit) and (known > 0).all():
        limit = max(limit, float(np.exp(tail_limit(np.log(known)))))
    elif np.isfinite(limit) and (known < 0).all():
        limit = max(limit, -float(np.exp(-tail_limit(-np.log(-known)))))
    marked[finite] = known >= limit
    return marked


def tail_limit(values: Numbers) -> float:
    """The first value beyond the upper tail, infinite where all belong to it.

    Spacings of the order statistics of an exponential tail, times the number of values above each, are exponential with
    the mean excess of the tail (Renyi, 1953). The tail ends where one is so large that a clean set has it once in a
    thousand times; what is above it are the outliers. Lighter tails have smaller spacings.
    """
    ranked = np.sort(values)
    n = len(ranked)
    middle, high = np.quantile(ranked, [0.5, 0.75])
    spread = (high - middle) / 0.6745
    if spread <= 0:
        return np.inf
    sums = np.concatenate([[0.0], np.cumsum(ranked)])
    cut = np.arange(int((1 - MOST) * n), n)
    base = (0.9 * cut).astype(np.int64)
    excess = np.maximum((sums[cut] - sums[base]) / (cut - base) - ranked[base], 0.1 * spread)
    gap = ranked[cut] - ranked[cut - 1]
    wide = (gap * (n - cut) > np.log(MOST * n / CHANCE) * excess) & (gap > LEAST * excess)
    beyond = np.flatnonzero(wide & (ranked[cut] > middle + BEYOND * spread))
    return float(ranked[cut[beyond[0]]]) if len(beyond) else np.inf


def _record(split: Split, axis: str, side: str, values: Numbers, marked: npt.NDArray[np.bool_]) -> dict[str, Any]:
    numbers = np.flatnonzero(marked)
    order = np.argsort(-values[numbers] if side == "high" else values[numbers], kind="stable")
    known = values[np.isfinite(values)]
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    edge = float(values[numbers[order[-1]]])
    return {
        "split": split.name, "axis": axis, "side": side, "samples": len(numbers), "total": len(split),
        "share": len(numbers) / len(split), "limit": edge, "median": float(middle),
        "spreads": abs(edge - float(middle)) / max((float(high) - float(low)) / 1.349, 1e-30),
        "examples": [{"sample": split.key(int(i)), "value": float(values[i])} for i in numbers[order][:EXAMPLES]],
        "marked": {"outlier": {split.name: numbers}},
    }  # fmt: skip
