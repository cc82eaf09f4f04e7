"""How unusual each sample is as a whole, beside its distance to its neighbours, at linear cost.

Outliers that are many or alike are neighbours of each other: what tells them is that they do not follow the model of
most samples. Each measure sees others: far values in many features, features that do not go together as they do
elsewhere, and of images the waves and the light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netvet.data.describe import image
from netvet.data.faults import neighbours
from netvet.data.index import Audited, Rows

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Samples that a model is fitted to; a quantile or an axis is known well enough from so many.
PART = 5_000
# Samples at a time: memory is bounded.
ROWS = 20_000
# A value counts no more than so many spreads: one gross column is told by itself, many moderate ones are told here.
CLIP = 10.0
# Share of the variance that the axes of the model hold; share of the samples that it is fitted to, those nearest to it;
# rounds of choosing them (more change little).
HELD, KEPT, ROUNDS = 0.9, 0.75, 2
# The last fit is to all that are no more than so many widths of the middle half above the median: 99 % of a normal
# distribution, and Tukey's fences (Exploratory Data Analysis, 1977).
FAR_OFF = 2.0
# Facts about the light of an image.
LIGHT = ("brightness", "darkest", "brightest", "contrast", "entropy", "sharpness")
# Quantiles that the upper tail is extrapolated from: where it begins, and not far into a tenth of outliers.
BODY = (0.85, 0.95)
# Of the possible outliers, so large a share would be as far out if the tail went on as it begins. With 0.5, a tenth of
# some 200 clean sets had more than 1 % of their samples among them; with 0.3 a 25th.
WRONG = 0.3
# Fewer different values are levels, and the tail has steps.
LEVELS = 20
# At most so large a share is unusual: more are a second kind of their own.
MOST = 0.15
# More samples than this may be a kind of their own (they can be each other's nearest neighbours); a class of which so
# large a share is unusual is one.
GROUP, OWN = 10, 1 / 3


@dataclass(frozen=True, slots=True)
class Measure:
    """How unusual all samples are in one way.

    Args:
        axis: its name.
        values: [n], large for unusual samples.
        whole: it sees the whole sample, so that what is far beyond all others is an outlier; what is so in a part or
            a model of it is possibly one.
    """

    axis: str
    values: Numbers
    whole: bool = True


def measures(data: Audited, rows: Rows, points: neighbours.Floats) -> Iterator[Measure]:
    """All measures that the data have.

    Args:
        points: features [n, d] of one scale.
    """
    table = data.kind in ("table", "tensor")
    if points.shape[1] >= 2:
        yield Measure("many features", far_values(points))
    if points.shape[1] >= 4:
        # In a table one gross value is told by its column, and must not hide what the others do; and its columns need
        # not follow a linear model.
        yield Measure("structure", residual(np.clip(points, -CLIP, CLIP) if table else points), not table)
    if data.kind == "image":
        edges = [name.startswith("edges ") for name in rows.names]
        if any(edges):
            yield Measure("edges", far_values(points[:, edges]), False)
        if rows.near.shape[1] > image.HASH_WORDS:
            yield Measure("waves", far_values(image.spectrum_of(rows.near)), False)
        light = [values for name, values in rows.attributes.items() if name in LIGHT and np.isfinite(values).any()]
        if light:
            yield Measure("light", far_values(np.stack(light, axis=1).astype(np.float32)))


def far_values(points: neighbours.Floats) -> Numbers:
    """Mean over the columns of points [n, d] of how many spreads of the middle 80 % a value is from the median."""
    part = np.ascontiguousarray(points[part_of(len(points))].T)
    low, middle, high = (np.quantile if np.isfinite(part).all() else np.nanquantile)(part, [0.1, 0.5, 0.9], axis=1)
    spread = (high - low) / 2.563  # 1 for a standard normal distribution
    varies = np.flatnonzero(spread > 1e-6 * np.maximum(np.abs(middle), 1e-3))
    found = np.zeros(len(points))
    scale, shift = (1 / spread[varies]).astype(np.float32), middle[varies].astype(np.float32)
    for begin in range(0, len(points), ROWS):
        away = np.abs((points[begin : begin + ROWS, varies] - shift) * scale)
        found[begin : begin + ROWS] = np.minimum(np.nan_to_num(away, copy=False, nan=0.0), CLIP).sum(axis=1)
    return found / max(len(varies), 1)


def residual(points: neighbours.Floats) -> Numbers:
    """Distance of points [n, d] to the linear model of low rank that most of them are near to.

    Principal axes of a part, fitted anew to the three quarters that are nearest to them (Hubert, Rousseeuw and
    Vanden Branden, ROBPCA: a new approach to robust principal component analysis, 2005).
    """
    part = points[part_of(len(points))]
    away = np.sqrt(np.square(part - np.median(part, axis=0)).sum(axis=1))
    for _ in range(ROUNDS):
        centre, axes = _axes(part[away <= np.quantile(away, KEPT)])
        away = _off(part, centre, axes)
    # The last fit leaves out only what is far off, so that those at the edge of the others are not taken for strangers.
    low, middle, high = np.quantile(away, [0.25, 0.5, 0.75])
    centre, axes = _axes(part[away <= middle + FAR_OFF * (high - low)])
    return np.concatenate([_off(points[b : b + ROWS], centre, axes) for b in range(0, len(points), ROWS)])


def _axes(points: neighbours.Floats) -> tuple[neighbours.Floats, neighbours.Floats]:
    """Centre [d] and as many principal axes [d, k] as hold most of the variance."""
    centre = points.mean(axis=0)
    away = points - centre
    values, vectors = np.linalg.eigh((away.T @ away).astype(np.float64))
    held = np.cumsum(np.maximum(values[::-1], 0))
    k = int(np.searchsorted(held, HELD * held[-1])) + 1
    return centre, vectors[:, ::-1][:, : min(k, len(points) // 5, points.shape[1] - 1)].astype(np.float32)


def _off(points: neighbours.Floats, centre: neighbours.Floats, axes: neighbours.Floats) -> Numbers:
    away = points - centre
    away -= (away @ axes) @ axes.T
    found: Numbers = np.sqrt(np.einsum("ij,ij->i", away, away)).astype(np.float64)
    return found


def part_of(count: int) -> npt.NDArray[np.int64]:
    """A sample of numbers (fixed seed)."""
    if count <= PART:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, PART, replace=False))


def possible(values: Numbers) -> Numbers:
    """What share of the samples that are at least as far out as each [n] would be so by chance; 1 where that is much.

    The tail is taken to go on as it begins. Benjamini and Hochberg, Controlling the false discovery rate (1995).
    """
    found, n = np.ones(len(values)), len(values)
    if len(np.unique(values[part_of(n)])) < LEVELS:
        return found
    order = np.argsort(-values, kind="stable")
    share = chances(values)[order] * n / np.arange(1, n + 1)
    within = np.flatnonzero(share <= WRONG)
    if len(within) and within[-1] < MOST * n:
        # No sample is less of an outlier than one that is less far out.
        share = np.minimum.accumulate(share[within[-1] :: -1])[::-1]
        found[order[: len(share)]] = share
    return found


def chances(values: Numbers) -> Numbers:
    """The chance that a sample is so far out, [n], by an exponential tail that goes on as it begins.

    Both for the values and (of positive ones) their logarithms, which make it a tail of Pareto: the greater of both.
    """
    found = np.ones(len(values))
    finite = np.isfinite(values)
    known = values[finite]
    best = np.zeros(len(known))
    for one in [known, np.log(known)] if (known > 0).all() else [known]:
        low, high = np.quantile(one, BODY) if len(one) else (0.0, 0.0)
        scale = (high - low) / np.log((1 - BODY[0]) / (1 - BODY[1]))
        if scale <= 0:
            return found
        best = np.maximum(best, np.where(one > low, (1 - BODY[0]) * np.exp(np.minimum((low - one) / scale, 0)), 1.0))
    found[finite] = best
    return found


def strangers(marked: Mask, labels: npt.NDArray[np.int64]) -> Mask:
    """Those of the marked samples [n] that are no group of their own kind: few, or of all classes alike.

    Many that a label tells from the others, or that have no label, may be a rare kind that belongs there.
    """
    found = marked & ~_own_classes(marked, labels)
    if found.sum() > MOST * len(found):
        return np.zeros_like(found)
    if found.sum() <= GROUP or (len(np.unique(labels)) > 1 and _mixed(labels[found], labels)):
        return found
    return np.zeros_like(found)


def unexplained(expected: Numbers, labels: npt.NDArray[np.int64]) -> Numbers:
    """The same, with 1 for the samples of a class that is of another kind as a whole."""
    return np.where(_own_classes(expected < 1, labels), 1.0, expected)


def _own_classes(marked: Mask, labels: npt.NDArray[np.int64]) -> Mask:
    """Which samples [n] are of a class that is marked for a large part: it is of another kind, and says so."""
    if (labels < 0).all():
        return np.zeros(len(labels), bool)
    count = np.bincount(labels + 1)
    share = np.bincount((labels + 1)[marked], minlength=len(count)) / np.maximum(count, 1)
    share[0] = 0.0
    found: Mask = (share > OWN)[labels + 1]
    return found


def _mixed(few: npt.NDArray[np.int64], all_of_them: npt.NDArray[np.int64]) -> bool:
    """No class is so common among some samples that a random choice of them had it once in a hundred times."""
    from scipy.stats import binom  # type: ignore[import-untyped]

    count, usual = (np.bincount(labels + 1, minlength=int(all_of_them.max()) + 2) for labels in (few, all_of_them))
    chance = binom.sf(count - 1, len(few), usual / len(all_of_them))
    return bool(chance.min() * np.count_nonzero(usual) > 0.01)
