"""How near two different samples of some data come by chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netvet.data.faults import neighbours

# Different samples that may come so near by chance, over all samples and as a share of those that do.
BY_CHANCE, FALSE = 0.1, 0.05
# Quantiles of the distances to nearest neighbours that tell the dimension of the data, in pairs.
QUANTILES = ((0.02, 0.5), (0.05, 0.5), (0.1, 0.5), (0.3, 0.75))
# Copies of a sample are seldom both in a part of the data, so that distances to a part tell of the samples alone.
PART = 0.2
# How many times too far apart neighbours in the part are where most samples have a copy; iris: 1.4, clean data: less.
COPIED = 2.0


def near_limit(points: neighbours.Floats, share: float) -> float:
    """Below which distance two points are too near to be two samples; 0 where none is.

    A share of the median distance of nearest neighbours, and so small that chance explains next to none of those that
    are so near: below the median, the share of points with a neighbour within r grows as r to the power of their
    dimension.
    """
    distance = neighbours.nearest(points, neighbours.asked_of(points))[0][:, 0]
    part = points[part_of(len(points))]
    apart = neighbours.nearest(part, neighbours.asked_of(part))[0][:, 0]
    return limit_of(distance, apart, len(points), share)


def part_of(samples: int) -> neighbours.Numbers:
    """Numbers of a fifth of the samples, 20 at least."""
    return np.random.default_rng(0).permutation(samples)[: max(int(PART * samples), 20)]


def limit_of(
    distance: npt.NDArray[np.float64],
    apart: npt.NDArray[np.float64],
    samples: int,
    share: float,
    odds: tuple[float, float] = (FALSE, BY_CHANCE),
) -> float:
    """The same for distances of any kind.

    Args:
        distance: of some of all samples to the nearest other.
        apart: the same within a fifth of the samples.
        share: of the median distance, above which no limit is.
        odds: which share of those below the limit chance may explain, or else how many.
    """
    distance = np.sort(distance)
    dimension = max(dimension_of(distance), dimension_of(apart))
    if dimension <= 0:
        return 0.0
    middle = _middle(distance, apart, dimension)
    # No limit is beyond the median, and powers of what is would overflow.
    expected = np.log(2) * samples * np.minimum(distance / middle, 1.0) ** dimension
    seen = np.arange(1, len(distance) + 1) * samples / len(distance)
    allowed = distance[(expected <= odds[0] * seen) & (distance <= share * middle)]
    natural = middle * (odds[1] / (samples * np.log(2))) ** (1 / dimension)
    return float(max(allowed.max(initial=0.0) * (1 + 1e-5), min(natural, share * middle)))


def _middle(distance: npt.NDArray[np.float64], apart: npt.NDArray[np.float64], dimension: float) -> float:
    """The usual distance of nearest neighbours, which a copy of nearly every sample does not make smaller.

    In a part of the data neighbours are further apart, by what the dimension tells; where they are further still, most
    of the nearest neighbours among all are copies.
    """
    middle, expected = float(np.median(distance)), float(np.median(apart)) * PART ** (1 / dimension)
    return expected if expected > COPIED * middle else middle


def dimension_of(distance: npt.NDArray[np.float64]) -> float:
    """Of points, by the quantiles of the distances of nearest neighbours; 0 where they do not tell.

    The steepest part of the curve counts: copies among the points make a part of it flat.
    """
    found = [0.0]
    for low, high in QUANTILES:
        near, far = np.quantile(distance, [low, high])
        if low * len(distance) >= 5 and 0 < near < far:
            # F(r) = 1 - exp(-c r^d) at both.
            found.append(float(np.log(np.log1p(-high) / np.log1p(-low)) / np.log(far / near)))
    return max(found)


def near(points: neighbours.Floats, share: float) -> neighbours.Pairs:
    """Pairs of points below their limit."""
    if len(points) < 20 or not points.shape[1]:
        return neighbours.Pairs.none()
    return neighbours.near_points(points, near_limit(points, share))
