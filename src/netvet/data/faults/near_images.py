"""Images that are one image compressed, lit, moved or cropped a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netvet.data.describe import image
from netvet.data.faults import neighbours
from netvet.data.faults.aligned import unlike
from netvet.data.faults.limits import limit_of, near, near_limit
from netvet.data.faults.neighbours import Floats, Numbers, Pairs, Words

# Of the median distance between nearest neighbours: see `duplicates`; of shapes, which stay what they are under
# compression, light and a shift by a pixel.
NEAR, NEAR_IMAGE = 0.36, 0.45
# Of the median distance of random images: what two that are one moved by little are at most apart in what they show.
MOVED = 0.5
# Logarithm of the ratio of their contrasts: a quarter more.
LIGHTER = 0.22
# Bits of its hash that an image with something to be seen has; smooth ones all look alike.
STRUCTURE = 16
# Neighbours of each image that are compared closely: in its waves, shapes and all features.
NEIGHBOURS = (3, 2, 1)
# Images of which all are compared with all. Of more, those that are nearer in their waves than this share of the usual
# distance, and at most as many pairs as there are images.
ALL, WIDER = 8_000, 0.6
# Images whose nearest neighbours tell how near different images come.
ASKED = 1_000
# Shares of the usual distance of the nearest: alike in their waves and, once aligned, in what they show; and near in
# every view. Clean sets (digits, faces, silhouettes, tiles of photographs) begin at about these.
MOVED_LIMIT, CLOSE_LIMIT = 0.2, 0.5
# Share of those below a limit that chance may explain, or else their number, where it only lists what is possible.
POSSIBLE = (0.2, 1.0)


@dataclass(frozen=True)
class Views:
    """What images are compared by: waves, shapes and all features, points [n, d] each, and their thumbnails."""

    points: tuple[Floats, ...]
    thumbnails: npt.NDArray[np.uint8]
    detailed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.thumbnails)


@dataclass(frozen=True)
class Scores:
    """How near pairs of images are, in units of usual distances of nearest neighbours.

    Args:
        moved: in waves, and what they show once one is aligned with the other [p].
        close: in the view in which they are furthest apart [p].
    """

    pairs: Pairs
    moved: npt.NDArray[np.float64]
    close: npt.NDArray[np.float64]


def near_images(points: Floats, words: Words, names: tuple[str, ...]) -> tuple[Pairs, Pairs]:
    """Images that are surely one image, and further ones that possibly are."""
    views = views_of(points, words, names)
    if len(views) < 20:
        return Pairs.none(), Pairs.none()
    few = len(views) <= ALL
    asked = np.arange(len(views)) if few else np.sort(np.random.default_rng(0).permutation(len(views))[:ASKED])
    nearby, usual = _neighbours(views, asked)
    limit = near_limit(views.points[0], NEAR_IMAGE)
    waves = neighbours.near_points(views.points[0], limit if few else max(limit, WIDER * usual[0]))
    known = _alike(views, names, waves.where(waves.distance <= limit))
    scores = scored(views, (nearby if few else _nearest(waves, len(views))).joined(known), usual)
    natural = scores if few else scored(views, nearby, usual)
    sure, possible = np.zeros((2, len(scores.pairs)), bool)
    fits = np.zeros(len(scores.pairs), bool)
    # Smooth images (a sky, a shaded wall) are alike once moved.
    rich = views.detailed[scores.pairs.first] & views.detailed[scores.pairs.second]
    for values, share in (("moved", MOVED_LIMIT), ("close", CLOSE_LIMIT)):
        best = _best(natural, values, asked)
        found = getattr(scores, values)
        sure |= (found <= limit_of(best, best, len(views), share)) & (rich if values == "moved" else True)
        possible |= found <= limit_of(best, best, len(views), share, POSSIBLE)
        fits |= found <= share * np.median(best)
    sure |= _among(scores.pairs, known) & fits
    possible |= _among(scores.pairs, known)
    return scores.pairs.where(sure), scores.pairs.where(possible & ~sure)


def views_of(points: Floats, words: Words, names: tuple[str, ...]) -> Views:
    """What images are compared by, from their features and hashes."""
    detailed = np.bitwise_count(words[:, : image.HASH_WORDS]).sum(axis=1) >= STRUCTURE
    shapes = shapes_of(points, names)
    return Views((image.spectrum_of(words), shapes, points), image.thumbnails_of(words), detailed)


def scored(views: Views, pairs: Pairs, usual: Sequence[float]) -> Scores:
    """How near pairs are; those that differ in contrast are not moved: of two plain boxes it is their borders."""
    each = [neighbours.distances(p[pairs.first], p[pairs.second]) / u for p, u in zip(views.points, usual, strict=True)]
    contrast = np.log(np.maximum(views.thumbnails.std(axis=(1, 2)), 1.0))
    like = np.flatnonzero(np.abs(contrast[pairs.first] - contrast[pairs.second]) <= LIGHTER)
    moved = np.full(len(pairs), np.inf)
    moved[like] = each[0][like] * np.sqrt(unlike(views.thumbnails, pairs.first[like], pairs.second[like]))
    close = np.max(each, axis=0)
    return Scores(Pairs(pairs.first, pairs.second, np.minimum(moved / MOVED_LIMIT, close / CLOSE_LIMIT)), moved, close)


def _best(scores: Scores, values: str, asked: Numbers) -> npt.NDArray[np.float64]:
    """The smallest value among the pairs of each image asked for; of those with none, as large as others have."""
    found = np.full(int(max(scores.pairs.second.max(initial=0), asked.max(initial=0))) + 1, np.inf)
    for side in (scores.pairs.first, scores.pairs.second):
        np.minimum.at(found, side, getattr(scores, values))
    least = found[asked]
    finite = least[np.isfinite(least)]
    return np.where(np.isfinite(least), least, finite.max(initial=1.0))


def _among(pairs: Pairs, others: Pairs) -> npt.NDArray[np.bool_]:
    return np.isin((pairs.first << 32) | pairs.second, (others.first << 32) | others.second)


def _neighbours(views: Views, asked: Numbers) -> tuple[Pairs, list[float]]:
    """The nearest neighbours of some images in each view, and the usual distances of the first of them."""
    first, second, usual = [], [], []
    for points, count in zip(views.points, NEIGHBOURS, strict=True):
        distance, numbers = neighbours.nearest(points, asked, count)
        first.append(np.repeat(asked, count))
        second.append(numbers.reshape(-1))
        usual.append(max(float(np.median(distance[:, 0])), 1e-9))
    a, b = np.concatenate(first), np.concatenate(second)
    return Pairs(np.minimum(a, b), np.maximum(a, b), np.zeros(len(a))).joined(Pairs.none()), usual


def _nearest(pairs: Pairs, most: int) -> Pairs:
    """No more than so many."""
    return pairs.where(np.argsort(np.argsort(pairs.distance, kind="stable")) < most)


def _alike(views: Views, names: tuple[str, ...], moved: Pairs) -> Pairs:
    """Images that are near in what they show, in all features, or in their waves wherever these begin."""
    _, shapes, points = views.points
    rich, smooth = np.flatnonzero(views.detailed), np.flatnonzero(~views.detailed)
    alike = near(shapes[rich], NEAR_IMAGE).joined(near(points[rich], NEAR)).of(rich)
    alike = alike.joined(near(points[smooth], NEAR).of(smooth))
    # An image turned upside down has the same waves, but shows something else; of two plain boxes it is their borders.
    some = shapes[np.random.default_rng(0).integers(0, len(shapes), (2, 2000))]
    apart = neighbours.distances(shapes[moved.first], shapes[moved.second])
    contrast = np.log(np.maximum(points[:, [n.startswith("grey ") for n in names]].std(axis=1), 1e-3))
    lighter = np.abs(contrast[moved.first] - contrast[moved.second])
    return alike.joined(moved.where((apart <= MOVED * np.median(neighbours.distances(*some))) & (lighter <= LIGHTER)))


def shapes_of(features: Floats, names: tuple[str, ...]) -> Floats:
    """What images show, without how light and how rich in contrast they are: coarse grey values and edges."""
    parts = []
    for word, least in (("grey ", 0.16), ("edges ", 0.05)):  # lengths that noise in a flat image has
        part = features[:, [i for i, name in enumerate(names) if name.startswith(word)]]
        if word == "grey ":
            part = part - part.mean(axis=1, keepdims=True)
        parts.append(part / (np.sqrt(np.square(part).sum(axis=1, keepdims=True)) + np.float32(least)))
    return np.concatenate(parts, axis=1)
