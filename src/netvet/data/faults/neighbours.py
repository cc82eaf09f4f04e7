"""Neighbours of samples at linear cost: hashing brings near samples into one bucket, and only those are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netvet.data.describe import fingerprints

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Distance = Callable[[Numbers, Numbers], npt.NDArray[np.float64]]

# Widths of the cells of a grid in limits: narrow ones part samples that are only a few limits apart, wide ones keep
# near samples together (Datar et al., Locality-sensitive hashing based on p-stable distributions, 2004).
CELLS = (3.0, 4.0, 6.0, 10.0)
# Share of the pairs at the very limit that may be missed, strangers in a bucket, and grids at most.
MISSED, CROWD, GRIDS = 0.02, 2.0, 60
# All pairs are compared where that takes less than so many multiplications: about a second.
ALL_PAIRS = 2e10
# In a bucket every sample is compared with so many that follow it: a crowd costs linear time, and is one group anyway.
FOLLOWING = 32
# Multiplications that the search for the nearest neighbours of some samples among all may take: a few seconds.
EFFORT = 2e10
BLOCK = 4_000_000  # distances held at once
# Coordinates that most pairs are told apart by, and by how much rounding may make them differ.
SKETCH, SLACK = 16, 1 + 1e-4
# Above so many pairs, others within a group of them are not looked at: memory is bounded.
MANY = 2_000_000


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of near samples, each once: numbers of both (the smaller first) and their distance, [p] each."""

    first: Numbers
    second: Numbers
    distance: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def none(cls) -> Pairs:
        """No pairs."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))

    def where(self, kept: npt.NDArray[np.bool_]) -> Pairs:
        """Those that are marked."""
        return Pairs(self.first[kept], self.second[kept], self.distance[kept])

    def of(self, numbers: Numbers) -> Pairs:
        """The same of points that are a part of others, by their numbers [n] among those."""
        return Pairs(numbers[self.first], numbers[self.second], self.distance)

    def joined(self, other: Pairs) -> Pairs:
        """Those of both, each once."""
        return _joined([self, other])

    def groups(self, samples: int) -> Numbers:
        """The group of each of all samples [n]: chains of pairs; a sample without any is alone in its own."""
        from scipy.sparse import coo_array  # type: ignore[import-untyped]
        from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

        links = coo_array((np.ones(len(self), np.int8), (self.first, self.second)), (samples, samples))
        found: Numbers = connected_components(links, directed=False)[1].astype(np.int64)
        return found


def near_points(points: Floats, limit: float) -> Pairs:
    """Pairs of points [n, d] at most `limit` apart (Euclid): all, or of many points those that random grids find."""
    if limit <= 0 or len(points) < 2:
        return _joined([])
    if float(len(points)) * points.size <= ALL_PAIRS:
        return _all_pairs(points, limit)
    generator = np.random.default_rng(0)
    some = points[generator.choice(len(points), (2, 2000))]
    cell, directions, grids = _grid(float(np.median(distances(*some))) / limit, len(points))

    def keys() -> Iterator[Words]:
        for _ in range(grids):
            axes = generator.normal(size=(points.shape[1], directions)) / (limit * cell)
            cells = np.floor(points @ axes.astype(np.float32) + generator.random(directions, dtype=np.float32))
            # Random odd factors hash the cells at one multiplication each (Dietzfelbinger et al., 1997).
            yield cells.astype(np.int64).view(np.uint64) @ (generator.integers(0, 2**63, directions, np.uint64) * 2 + 1)

    def apart(first: Numbers, second: Numbers) -> npt.NDArray[np.float64]:
        return distances(points[first], points[second])

    return bucketed(keys(), apart, limit, _sketch(points))


def _grid(typical: float, count: int) -> tuple[float, int, int]:
    """Cell in limits, directions and number of grids with the least work, for random pairs so many limits apart."""
    choices = []
    for cell in CELLS:
        near, far = _meeting(cell), _meeting(cell / max(typical, 1.01))
        directions = int(np.clip(np.ceil(np.log(CROWD / count) / np.log(far)), 4, 24))
        grids = int(np.ceil(np.log(MISSED) / np.log1p(-(near**directions))))
        choices.append((min(grids, GRIDS), directions, cell))
    grids, directions, cell = min(choices)
    return cell, directions, grids


def _meeting(cells: float) -> float:
    """Chance that two points share a cell along a random direction, its width over their distance given (Datar)."""
    from math import erfc, exp, pi, sqrt

    found = 1 - erfc(cells / sqrt(2)) - 2 / (sqrt(2 * pi) * cells) * (1 - exp(-(cells**2) / 2))
    return min(max(found, 1e-9), 1 - 1e-9)


def _sketch(points: Floats) -> Floats:
    """Points [n, d] by their first principal axes, 16 at most: no distance grows by leaving the others out."""
    if points.shape[1] <= SKETCH:
        return points
    part = points[:: max(len(points) // 10_000, 1)]
    axes = np.linalg.eigh(np.cov(part, rowvar=False))[1][:, -SKETCH:].astype(np.float32)
    found: Floats = points @ axes
    return found


def _all_pairs(points: Floats, limit: float) -> Pairs:
    squares, size = np.square(points).sum(axis=1), max(BLOCK // len(points), 1)
    found: list[Pairs] = []
    for begin in range(0, len(points), size):
        some = slice(begin, begin + size)
        apart = squares[some, None] + squares[None, begin:] - 2 * (points[some] @ points[begin:].T)
        # Rounding of squares of size s is about 1e-6 s: pairs are chosen with slack, and measured.
        first, second = np.nonzero(apart <= limit**2 + 1e-5 * squares.max())
        found.extend(_measured(first + begin, second + begin, lambda a, b: distances(points[a], points[b]), limit))
    return _joined([p.where(p.first < p.second) for p in found])


def near_signatures(words: npt.NDArray[np.unsignedinteger], similarity: float) -> Pairs:
    """Pairs of MinHash signatures [n, k] with at least this share of equal places (their Jaccard similarity).

    Bands of rows as in Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    width = next((r for r in (8, 6, 5, 4, 3, 2) if _caught(similarity, words.shape[1], r) >= 0.99), 1)
    bands = words.shape[1] // width

    def keys() -> Iterator[Words]:
        for band in range(bands):
            yield fingerprints.of_words(words[:, band * width : (band + 1) * width].astype(np.uint64))

    def apart(first: Numbers, second: Numbers) -> npt.NDArray[np.float64]:
        unequal: npt.NDArray[np.float64] = (words[first] != words[second]).mean(axis=1)
        return unequal

    return bucketed(keys(), apart, 1 - similarity)


def _caught(similarity: float, places: int, width: int) -> float:
    """Chance that a pair of this similarity has an equal band."""
    return float(1 - (1 - similarity**width) ** (places // width))


def bucketed(keys: Iterator[Words], distance: Distance, limit: float, sketch: Floats | None = None) -> Pairs:
    """Pairs with an equal key in one of the tables that are at most `limit` apart.

    Args:
        sketch: [n, k] points, between which no distance is above that of the samples.
    """
    found, fresh, group = Pairs.none(), list[Pairs](), None
    for table in keys:
        order = np.argsort(table, kind="stable")
        ranked, drawn = table[order], sketch[order] if sketch is not None else None
        for step in range(1, FOLLOWING + 1):
            equal = np.flatnonzero(ranked[step:] == ranked[:-step])
            if not len(equal):
                break
            if group is not None:
                equal = equal[group[order[equal]] != group[order[equal + step]]]
            if drawn is not None:
                equal = equal[_near_sketches(drawn, equal, step, limit)]
            fresh.extend(_measured(order[equal], order[equal + step], distance, limit))
        if sum(map(len, fresh)) > max(len(found), 100_000):
            found, fresh = _joined([found, *fresh]), []
            group = found.groups(len(table)) if len(found) > MANY else None
    return _joined([found, *fresh])


def _near_sketches(drawn: Floats, first: Numbers, step: int, limit: float) -> npt.NDArray[np.bool_]:
    """Which of some samples, in the order of their keys, may be near that which is so many steps further on."""
    near = np.zeros(len(first), bool)
    for begin in range(0, len(first), 100_000):
        some = first[begin : begin + 100_000]
        apart = drawn[some] - drawn[some + step]
        near[begin : begin + 100_000] = np.einsum("ij,ij->i", apart, apart) <= (limit * SLACK) ** 2
    return near


def _measured(left: Numbers, right: Numbers, distance: Distance, limit: float) -> Iterator[Pairs]:
    for begin in range(0, len(left), 100_000):
        a, b = left[begin : begin + 100_000], right[begin : begin + 100_000]
        apart = distance(a, b)
        yield Pairs(np.minimum(a, b), np.maximum(a, b), apart).where(apart <= limit)


def _joined(parts: Sequence[Pairs]) -> Pairs:
    parts = [Pairs.none(), *parts]
    first, second = np.concatenate([p.first for p in parts]), np.concatenate([p.second for p in parts])
    # One number a pair: below 2**32 samples none is that of another.
    _, once = np.unique((first << 32) | second, return_index=True)
    return Pairs(first[once], second[once], np.concatenate([p.distance for p in parts])[once])


def distances(left: Floats, right: Floats) -> npt.NDArray[np.float64]:
    """Euclidean distance of each row of one array [p, d] to that of the other."""
    found: npt.NDArray[np.float64] = np.sqrt(np.square(left - right).sum(axis=1, dtype=np.float64))
    return found


def nearest(points: Floats, asked: Numbers, neighbours: int = 1) -> tuple[npt.NDArray[np.float64], Numbers]:
    """Distances of the nearest others among all points [n, d] and their numbers, [len(asked), neighbours], in order."""
    squares = np.square(points).sum(axis=1)
    found, numbers = np.zeros((len(asked), neighbours)), np.zeros((len(asked), neighbours), np.int64)
    size = max(BLOCK // len(points), 1)
    for begin in range(0, len(asked), size):
        some = asked[begin : begin + size]
        apart = (-2 * points[some]) @ points.T
        apart += squares
        apart[np.arange(len(some)), some] = np.inf
        best = smallest(apart, neighbours)
        true = np.sqrt(np.square(points[some][:, None] - points[best]).sum(axis=2, dtype=np.float64))
        order = np.argsort(true, axis=1)
        found[begin : begin + size] = np.take_along_axis(true, order, 1)
        numbers[begin : begin + size] = np.take_along_axis(best, order, 1)
    return found, numbers


def smallest(values: Floats, count: int) -> Numbers:
    """Where the smallest numbers of each row [n, m] are, [n, count], in no order.

    They are in as many groups of numbers as have the smallest least ones: the other groups are not sorted.
    """
    size = int(np.sqrt(values.shape[1] / count))  # as many least ones as numbers in the groups that are chosen
    if size < 4:
        return np.argpartition(values, count - 1, axis=1)[:, :count]
    groups = values.shape[1] // size
    grouped = groups * size
    least = np.fmin.reduce(values[:, :grouped].reshape(-1, size, groups), axis=1)
    chosen = np.argpartition(least, count - 1, axis=1)[:, :count, None] + groups * np.arange(size)
    rest = np.broadcast_to(np.arange(grouped, values.shape[1]), (len(values), values.shape[1] - grouped))
    places = np.concatenate([chosen.reshape(len(values), -1), rest], axis=1)
    best = np.argpartition(np.take_along_axis(values, places, 1), count - 1, axis=1)[:, :count]
    return np.take_along_axis(places, best, 1)


def asked_of(points: Floats) -> Numbers:
    """A sample of points (fixed seed), as many as can be compared with all others in some seconds."""
    # Sorting distances costs as much as some 32 multiplications each.
    most = int(np.clip(EFFORT / (len(points) * max(points.shape[1], 32)), 300, 4000))
    if len(points) <= most:
        return np.arange(len(points))
    return np.sort(np.random.default_rng(0).choice(len(points), most, replace=False))


# Scales of features (of 10 % and 90 % of them) that are one unit all the same, as those of pixels.
ONE_UNIT = 10.0
# Of wider samples half may hardly vary, as the pixels at the edge of a picture do.
WIDE = 32


def scaled(features: Floats) -> Floats:
    """Features [n, d] as numbers of one scale: what is not finite gets the median, constant ones are left out.

    Features of about one range (pixels) stay as they are; of others the middle half is made to span about 1.35. A scale
    that is far below the others is taken for a tenth of their median, so that noise in one feature is no distance.
    """
    values = np.where(np.isfinite(features), features, np.float32(np.nan))
    values = values[:, np.isfinite(values).any(axis=0)]
    part = values[:: max(len(values) // 50_000, 1)]
    lowest, low, middle, high, highest = np.nanquantile(part, [0.01, 0.25, 0.5, 0.75, 0.99], axis=0)
    width = highest - lowest
    spread = np.where(high > low, (high - low) / 1.349, np.nanstd(part, axis=0, dtype=np.float64))
    varies = spread > 0
    if not varies.any():
        return np.zeros((len(values), 0), np.float32)
    wide = width[width > 0]
    if len(wide) and np.quantile(wide, 0.9) <= ONE_UNIT * np.quantile(wide, 0.5 if len(wide) > WIDE else 0.1):
        spread = np.ones_like(spread)
    spread = np.maximum(spread, 0.1 * np.median(spread[varies]))[varies].astype(np.float32)
    centred = (values[:, varies] - middle[varies].astype(np.float32)) / spread
    found: Floats = np.nan_to_num(centred, nan=0.0, posinf=0.0, neginf=0.0)
    return found
