"""Samples that do not belong to the tail of the distribution that the others follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.describe import text
from netvet.data.faults import NotAssessable, neighbours, unusual
from netvet.data.index import Audited, Rows, Split, alike, joined

Numbers = npt.NDArray[np.float64]

EXAMPLES = 10
FEWEST = 50
# Neighbours whose mean distance tells how far a sample is from all others; cleanlab's k.
NEIGHBOURS = 10
# Outliers are looked for among so many of the farthest, and beyond so many spreads of the middle half.
MOST, BEYOND = 0.15, 3.0
# An attribute or column that so many samples are far out in has a second group or a heavy tail.
MOST_OF_COLUMN = 0.05
# Chance that the tail of a clean set has such a gap; it is at least so many mean excesses over the 0.9 quantile wide.
CHANCE, LEAST = 0.001, 0.3
# A tail is light where these quantiles are at most so many times as far from the median as those of a normal
# distribution with the same middle half; expected samples beyond its limit, and how many there must be instead.
NORMAL = {0.85: 1.0364, 0.9: 1.2816, 0.95: 1.6449}
LIGHT, EXPECTED, SEVERAL = 1.15, 0.5, 5
# A column with no more different values than this holds codes, counts or levels.
CODES = 10
# The measures of `unusual` are up to ten on the same samples: each may have so small a share of the chance.
MEASURES = 10
# Axes that tell how far a sample is from all others, whatever it differs in: only far is an outlier.
WHOLE = ("features", "letters")
# Columns of a table that are looked at one by one; distances held at once.
MAX_AXES = 256
BLOCK = 4_000_000
# Attributes that are no property of a sample that has a tail.
UNTAILED = ("time", "group", "file bytes", "blank", "greyscale", "channels", "border")


def outliers(data: Audited) -> list[Record]:
    """Records of the signal `outliers`; the tail is that of all splits.

    One for each axis and split with any, and one for each split with possible ones.
    """
    splits = alike(list(data.splits.values()))
    if sum(map(len, splits)) < FEWEST:
        raise NotAssessable(f"fewer than {FEWEST} samples: no tail to be seen")
    rows, labels = joined([s.rows for s in splits]), labels_of(splits)
    found: list[Record] = []
    sure, chance = np.zeros(len(rows), bool), np.ones(len(rows))
    for axis, values in (*_axes(data, rows), *_targets(splits)):
        for side, signed in (("high", values), ("low", -values)):
            if axis in WHOLE and side == "low":
                continue
            marked = _marked(signed)
            if 0 < marked.sum() <= (MOST if axis in WHOLE else MOST_OF_COLUMN) * len(marked):
                found += _records(splits, axis, side, values, marked)
                sure |= marked
        if axis in WHOLE:
            chance = np.minimum(chance, unusual.possible(values))
    for measure in unusual.measures(data, rows, _points(data, rows)):
        chance = np.minimum(chance, unusual.possible(measure.values))
        if measure.whole:
            marked = unusual.strangers(_marked(measure.values, CHANCE / MEASURES), labels)
            if (marked & ~sure).any():  # what the others have told is not said again
                found += _records(splits, measure.axis, "high", measure.values, marked)
            sure |= marked
    return found + list(_possible_records(splits, np.where(sure, 1.0, unusual.unexplained(chance, labels))))


def labels_of(splits: Sequence[Split]) -> npt.NDArray[np.int64]:
    """Class of each sample of all splits [n], -1 where it has none."""
    return np.concatenate([s.labels if s.labels is not None else np.full(len(s), -1) for s in splits])


def _points(data: Audited, rows: Rows) -> neighbours.Floats:
    """The features that are measured, of one scale; columns with few values are codes, and have no tail."""
    numeric = rows.features[:, _numeric(rows)]
    if data.kind not in ("table", "tensor"):
        return np.nan_to_num(numeric)
    part = numeric[unusual.part_of(len(numeric))]
    measured = [c for c in range(numeric.shape[1]) if len(np.unique(part[:, c])) > CODES]
    return neighbours.scaled(numeric[:, measured]) if measured else numeric[:, :0]


def _numeric(rows: Rows) -> list[int]:
    return [c for c in range(rows.features.shape[1]) if not rows.names or rows.names[c] not in rows.categorical]


def _axes(data: Audited, rows: Rows) -> Iterator[tuple[str, Numbers]]:
    """Every attribute, every column of a table, and the distance to the neighbours in all features."""
    said, numeric = set(data.facts.values()) | set(UNTAILED), _numeric(rows)
    for name, values in rows.attributes.items():
        if values.dtype.kind in "fiu" and name not in said:
            yield name, values.astype(np.float64)
    if data.kind == "table":
        for column in numeric[:MAX_AXES]:
            yield (rows.names[column] if rows.names else str(column)), rows.features[:, column].astype(np.float64)
    if data.kind == "text" and rows.near.shape[1] > text.SIGNATURE:
        yield "letters", strangeness(text.shares_of(rows.near))
    if len(numeric) >= 2:
        yield "features", neighbour_distance(data, rows.features[:, numeric])


def _targets(splits: Sequence[Split]) -> Iterator[tuple[str, Numbers]]:
    """The numbers that are to be predicted: a value that stands for "unknown" lies far from all others."""
    numbers = [np.asarray(s.numbers, dtype=np.float64) for s in splits if s.numbers is not None]
    if len(numbers) == len(splits):
        yield "the target", np.concatenate(numbers)


def strangeness(shares: neighbours.Floats) -> Numbers:
    """Bits that a letter of each text [n] costs in the code of all texts, by shares of letters [n, d].

    A text of random letters, of bytes or in another script costs more, whatever it is about (Shannon, 1948). An empty
    one costs what is usual.
    """
    known = shares.sum(axis=1) > 0
    mean = shares[known].mean(axis=0) if known.any() else shares[:0].sum(axis=0)
    # A letter that nobody else uses costs as much as if a text in all had used it once in a thousand.
    bits = -np.log2(np.maximum(mean, 1e-3 / max(len(shares), 1)))
    found: Numbers = (shares @ bits).astype(np.float64)
    found[~known] = np.median(found[known]) if known.any() else 0.0
    return found


def neighbour_distance(data: Audited, features: neighbours.Floats) -> Numbers:
    """Mean distance of each sample [n] to its 10 nearest others.

    Of many samples, the distance to a part of them chosen at random stands for it, and only those that are far from
    that part are compared with all.
    """
    points = neighbours.scaled(features) if data.kind in ("table", "tensor") else np.nan_to_num(features)
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
        apart = (-2 * points[some]) @ part.T
        apart += squares
        apart += np.square(points[some]).sum(axis=1)[:, None]
        own = np.flatnonzero(place[some] >= 0)
        apart[own, place[some][own]] = np.inf
        best = np.partition(apart, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        found[some] = np.sqrt(np.maximum(best, 0)).mean(axis=1)
    return found


def _marked(values: Numbers, chance: float = CHANCE) -> npt.NDArray[np.bool_]:
    """Which lie beyond the tail, both as they are and by logarithms (of the distance to the median for both signs)."""
    finite = np.isfinite(values)
    known = values[finite]
    marked = np.zeros(len(values), bool)
    if len(known) < FEWEST or len(np.unique(known[:: max(len(known) // 10_000, 1)])) < unusual.LEVELS:
        return marked
    limit = tail_limit(known, chance)
    if not np.isfinite(limit):
        return marked
    if (known > 0).all():
        limit = max(limit, float(np.exp(tail_limit(np.log(known), chance))))
    elif (known <= 0).all():
        # A zero among measures is beyond all that logarithms tell.
        limit = max(limit, -float(np.exp(-tail_limit(-np.log(-known[known < 0]), chance))))
    else:
        middle = float(np.median(known))
        limit = max(limit, middle + float(np.exp(tail_limit(np.log(known[known > middle] - middle), chance))))
    # The limit is a value itself, which logarithms have rounded.
    marked[finite] = known >= limit - 1e-9 * abs(limit)
    return marked


def tail_limit(values: Numbers, chance: float = CHANCE) -> float:
    """The first value beyond the upper tail (infinite: there is none): above a gap, or too far for a light tail."""
    if len(values) < FEWEST // 2:
        return np.inf
    gap = _gap_limit(values, chance)
    return gap if np.isfinite(gap) else _light_limit(values)


def _light_limit(values: Numbers) -> float:
    """From where a normal distribution has next to none of so many values, if several are and the tail is light."""
    from statistics import NormalDist

    middle, high = np.quantile(values, [0.5, 0.75])
    spread = (high - middle) / 0.6745
    reach = {share: LIGHT * normal * spread for share, normal in NORMAL.items()}
    if spread <= 0 or any(np.quantile(values, share) - middle > most for share, most in reach.items()):
        return np.inf
    limit = float(middle + spread * NormalDist().inv_cdf(1 - EXPECTED / len(values)))
    beyond = values[values > limit]
    return float(beyond.min()) if len(np.unique(beyond)) >= SEVERAL else np.inf


def _gap_limit(values: Numbers, chance: float) -> float:
    """The first value above a gap in the upper tail.

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
    above = np.cumsum((gap > 0)[::-1])[::-1]  # different values: equal ones have no spacings
    wide = (gap * above > np.log(MOST * n / chance) * excess) & (gap > LEAST * excess)
    beyond = np.flatnonzero(wide & (ranked[cut] > middle + BEYOND * spread))
    return float(ranked[cut[beyond[0]]]) if len(beyond) else np.inf


def _records(
    splits: Sequence[Split], axis: str, side: str, values: Numbers, marked: npt.NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    """One record for each split with any."""
    low, middle, high = np.quantile(values[np.isfinite(values)], [0.25, 0.5, 0.75])
    starts = np.cumsum([len(s) for s in splits])[:-1]
    for split, own, here in zip(splits, np.split(values, starts), np.split(marked, starts), strict=True):
        numbers = np.flatnonzero(here)
        if not len(numbers):
            continue
        order = numbers[np.argsort(-own[numbers] if side == "high" else own[numbers], kind="stable")]
        edge = float(own[order[-1]])
        yield {
            "split": split.name, "axis": axis, "side": side, "samples": len(numbers), "total": len(split),
            "share": len(numbers) / len(split), "limit": edge, "median": float(middle),
            "spreads": abs(edge - float(middle)) / max((float(high) - float(low)) / 1.349, 1e-30),
            "examples": [{"sample": split.key(int(i)), "value": float(own[i])} for i in order[:EXAMPLES]],
            "marked": {"outlier": {split.name: numbers}},
        }  # fmt: skip


def _possible_records(splits: Sequence[Split], expected: Numbers) -> Iterator[dict[str, Any]]:
    """One record for each split with samples that may be outliers.

    Args:
        expected: by chance alone, how many of all samples would be as far out as each [n]; 1 or more: not possible.
    """
    starts = np.cumsum([len(s) for s in splits])[:-1]
    for split, own in zip(splits, np.split(expected, starts), strict=True):
        numbers = np.flatnonzero(own < 1)
        if not len(numbers):
            continue
        order = numbers[np.argsort(own[numbers], kind="stable")]
        yield {
            "split": split.name, "axis": "any", "side": "high", "sure": False, "samples": len(numbers),
            "total": len(split), "share": len(numbers) / len(split),
            "examples": [{"sample": split.key(int(i)), "value": float(own[i])} for i in order[:EXAMPLES]],
            "marked": {"possible outlier": {split.name: numbers}},
        }  # fmt: skip
