"""Samples that occur again, exactly or nearly, within a split and in two splits."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.describe import image, text
from netvet.data.faults import NotAssessable, neighbours
from netvet.data.faults.neighbours import Pairs
from netvet.data.faults.pool import Pool, by_chance, pool_of
from netvet.data.index import Audited

EXAMPLES = 10
# Of the median distance between nearest neighbours: root of cleanlab's limit for near duplicates (Datalab, 0.13), whose
# distance between features is a cosine, which goes with the square.
NEAR = 0.36
# The same for images, whose shapes stay what they are under compression, light and a shift by a pixel.
NEAR_IMAGE = 0.45
# Of the median distance of random images: what two that are one moved by little are at most apart in what they show.
MOVED = 0.5
# Logarithm of the ratio of their contrasts: a quarter more.
LIGHTER = 0.22
# Different values of a column of measured numbers, how many such columns tell rows apart, and how far near rows may be
# apart in a column, in standard deviations: rows with few measured numbers come near each other by chance.
VALUES, COLUMNS, STEP = 50, 3, 0.1
# Values of a sample up to which an array is a table, and not a picture or a signal.
ROW = 32
# Bits of its hash that an image with something to be seen has; smooth ones all look alike.
STRUCTURE = 16
# Different samples that may come so near by chance, over all samples and as a share of those that do.
BY_CHANCE, FALSE = 0.1, 0.05
# Quantiles of the distances to nearest neighbours that tell the dimension of the data, in pairs.
QUANTILES = ((0.02, 0.5), (0.05, 0.5), (0.1, 0.5), (0.3, 0.75))
# Copies of a sample are seldom both in a part of the data, so that distances to a part tell of the samples alone.
PART = 0.2
# How many times too far apart neighbours in the part are where most samples have a copy; iris: 1.4, clean data: less.
COPIED = 2.0
# Share of equal shingles from which texts are one text: of 40 words with one replaced and one left out, 0.7 are left;
# different texts have hardly any (Broder, On the resemblance and containment of documents, 1997: 0.5).
SIMILAR = 0.5


def samples(data: Audited) -> list[Record]:
    """Records of the signal `samples`: one for the training data with each split that is held out, at least one."""
    train = data.train
    if train is None:
        raise NotAssessable("no split is training data: name one `train`")
    held = [s for s in data.held_out if s is not train]
    pool = Pool.of((train, *held))
    granular = 64 if data.kind in ("image", "text", "audio") else _granular(data)
    chance = by_chance(data, pool)
    own = {**_within(pool), "granular": granular, "complete": True, "by_chance": chance, "train_split": train.name}
    found: list[Record] = [own | _between(pool, i) for i in range(1, len(held) + 1)] or [own]
    again = _repeated(pool)
    if len(again) and not chance:
        found[0] = {**found[0], "marked": again}
    return found


def _granular(data: Audited) -> int:
    return next((s.rows.features.shape[1] for s in data.splits.values() if len(s)), 0)


def _within(pool: Pool) -> dict[str, Any]:
    """What the training data hold twice."""
    inputs = pool.inputs_of(0)
    known = inputs[inputs >= 0]
    _, first, position = np.unique(known, return_index=True, return_inverse=True)
    numbers = np.flatnonzero(inputs >= 0)
    original = numbers[first[position.reshape(-1)]]
    again = np.flatnonzero(original != numbers)
    pairs = np.stack([numbers[again], original[again]], axis=1)
    keys = [[pool.key(b), pool.key(a)] for a, b in pairs[:EXAMPLES].tolist()]
    return {
        "train": len(first), "train_seen": len(known), "duplicates": len(pairs), "duplicate_keys": keys,
        "duplicate_examples": pairs[:EXAMPLES].tolist(), "conflicting": _conflicting(pool, inputs),
        "same_order": None, "epoch_fresh": None,
    }  # fmt: skip


def _conflicting(pool: Pool, inputs: neighbours.Numbers) -> int | None:
    """Inputs with several targets."""
    split = pool.splits[0]
    targets = split.labels if split.labels is not None else split.numbers
    if targets is None:
        return None
    known = (inputs >= 0) & (np.isfinite(targets) if split.labels is None else targets >= 0)
    pairs = np.unique(np.stack([inputs[known].astype(np.float64), targets[known].astype(np.float64)]), axis=1)
    return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())


def _between(pool: Pool, split: int) -> dict[str, Any]:
    """What a held-out split shares with the training data; samples of it are counted each."""
    inputs = pool.inputs_of(split)
    known = inputs[inputs >= 0]
    shared = np.flatnonzero((inputs >= 0) & (pool.members[inputs, 0] > 0))
    pairs = [(i, pool.sample(int(inputs[i]), 0)) for i in shared[:EXAMPLES].tolist()]
    return {
        "split": pool.splits[split].name, "eval": len(known), "overlap": len(shared),
        "overlap_examples": [list(p) for p in pairs],
        "overlap_keys": [[pool.key(int(i + pool.starts[split])), pool.key(j)] for i, j in pairs],
    }  # fmt: skip


def _repeated(pool: Pool) -> dict[str, dict[str, neighbours.Numbers]]:
    """All samples with a copy in their split (`duplicate`), and those with one in another (`overlap`)."""
    members, inputs, found = pool.members, pool.inputs, {}
    split = np.repeat(np.arange(len(pool.splits)), np.diff(pool.starts))
    own = members[inputs, split]
    for kind, marked in (("duplicate", own > 1), ("overlap", members.sum(axis=1)[inputs] > own)):
        suspects = pool.suspects(marked & (inputs >= 0))
        if suspects:
            found[kind] = suspects
    return found


def near(data: Audited) -> list[Record]:
    """Records of the signal `near_duplicates`: one for each split and each pair of splits where there are any."""
    pool = pool_of(data)
    if len(pool.first) < 20:
        raise NotAssessable("fewer than 20 different samples: no distance to compare with")
    pairs = near_pairs(data, pool)
    shown = np.unique(pool.inputs)
    pairs = pairs.where(np.isin(pairs.first, shown) & np.isin(pairs.second, shown))
    if not len(pairs):
        return []
    records: list[dict[str, Any]] = [_near_within(pool, pairs, s) for s in range(len(pool.splits))]
    records += [_near_between(pool, pairs, a, b) for a, b in combinations(range(len(pool.splits)), 2)]
    found: list[Record] = [r | {"kind": data.kind} for r in records if r["samples"]]
    involved = np.unique(np.concatenate([pairs.first, pairs.second]))
    marked = np.isin(pool.inputs, involved)
    if found:
        found[0] = {**found[0], "marked": {"near duplicate": pool.suspects(marked)}}
    return found


def near_pairs(data: Audited, pool: Pool) -> Pairs:
    """Pairs of different inputs that are all but equal."""
    if "near pairs" not in data.shared:
        data.shared["near pairs"] = _near_pairs(data, pool)
    found: Pairs = data.shared["near pairs"]
    return found


def _near_pairs(data: Audited, pool: Pool) -> Pairs:
    words = pool.near()
    if data.kind in ("text", "tokens") and words.shape[1] >= 8:
        return neighbours.near_signatures(np.ascontiguousarray(words[:, : text.SIGNATURE]).view(np.uint32), SIMILAR)
    points = neighbours.scaled(pool.features()) if data.kind in ("table", "tensor") else np.nan_to_num(pool.features())
    if data.kind == "table" or (data.kind == "tensor" and points.shape[1] <= ROW):
        return _near_rows(pool.features(), points)
    if data.kind != "image":
        return _near(points, NEAR)
    return _near_images(points, words, pool.splits[0].rows.names)


def _near_images(points: neighbours.Floats, words: neighbours.Words, names: tuple[str, ...]) -> Pairs:
    """Images that are near in what they show, in all features, or in their waves wherever these begin."""
    detailed = np.bitwise_count(words[:, : image.HASH_WORDS]).sum(axis=1) >= STRUCTURE
    rich, smooth = np.flatnonzero(detailed), np.flatnonzero(~detailed)
    shapes = _shapes(points, names)
    alike = _near(shapes[rich], NEAR_IMAGE).joined(_near(points[rich], NEAR)).of(rich)
    alike = alike.joined(_near(points[smooth], NEAR).of(smooth))
    moved = _near(image.spectrum_of(words), NEAR_IMAGE)
    # An image turned upside down has the same waves, but shows something else; of two plain boxes it is their borders.
    some = shapes[np.random.default_rng(0).integers(0, len(shapes), (2, 2000))]
    apart = neighbours.distances(shapes[moved.first], shapes[moved.second])
    contrast = np.log(np.maximum(points[:, [n.startswith("grey ") for n in names]].std(axis=1), 1e-3))
    lighter = np.abs(contrast[moved.first] - contrast[moved.second])
    return alike.joined(moved.where((apart <= MOVED * np.median(neighbours.distances(*some))) & (lighter <= LIGHTER)))


def _near_rows(features: neighbours.Floats, points: neighbours.Floats) -> Pairs:
    """Rows that are near in every column: a step in a column of few values is another row, as is a missing value."""
    finite = np.isfinite(features)
    part = features[:: max(len(features) // 5_000, 1)]
    if sum(len(np.unique(column[np.isfinite(column)])) >= VALUES for column in part.T) < COLUMNS:
        return Pairs.none()
    pairs = _near(points, NEAR)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(features[pairs.first] - features[pairs.second])
        spread = np.nanstd(np.where(finite, features, np.nan), axis=0, dtype=np.float64)
        same = finite[pairs.first] == finite[pairs.second]
        return pairs.where((same & ~(apart > STEP * spread)).all(axis=1))


def _near(points: neighbours.Floats, share: float) -> Pairs:
    if len(points) < 20 or not points.shape[1]:
        return Pairs.none()
    return neighbours.near_points(points, near_limit(points, share))


def _shapes(features: neighbours.Floats, names: tuple[str, ...]) -> neighbours.Floats:
    """What images show, without how light and how rich in contrast they are: coarse grey values and edges."""
    parts = []
    for word, least in (("grey ", 0.16), ("edges ", 0.05)):  # lengths that noise in a flat image has
        part = features[:, [i for i, name in enumerate(names) if name.startswith(word)]]
        if word == "grey ":
            part = part - part.mean(axis=1, keepdims=True)
        parts.append(part / (np.sqrt(np.square(part).sum(axis=1, keepdims=True)) + np.float32(least)))
    return np.concatenate(parts, axis=1)


def near_limit(points: neighbours.Floats, share: float) -> float:
    """Below which distance two points are too near to be two samples; 0 where none is.

    A share of the median distance of nearest neighbours, and so small that chance explains next to none of those that
    are so near: below the median, the share of points with a neighbour within r grows as r to the power of their
    dimension.
    """
    distance = np.sort(neighbours.nearest(points, neighbours.asked_of(points))[0][:, 0])
    part = points[np.random.default_rng(0).permutation(len(points))[: max(int(PART * len(points)), 20)]]
    apart = neighbours.nearest(part, neighbours.asked_of(part))[0][:, 0]
    dimension = max(_dimension(distance), _dimension(apart))
    if dimension <= 0:
        return 0.0
    middle = _middle(distance, apart, dimension)
    # No limit is beyond the median, and powers of what is would overflow.
    expected = np.log(2) * len(points) * np.minimum(distance / middle, 1.0) ** dimension
    seen = np.arange(1, len(distance) + 1) * len(points) / len(distance)
    allowed = distance[(expected <= FALSE * seen) & (distance <= share * middle)]
    natural = middle * (BY_CHANCE / (len(points) * np.log(2))) ** (1 / dimension)
    return float(max(allowed.max(initial=0.0) * (1 + 1e-5), min(natural, share * middle)))


def _middle(distance: npt.NDArray[np.float64], apart: npt.NDArray[np.float64], dimension: float) -> float:
    """The usual distance of nearest neighbours, which a copy of nearly every sample does not make smaller.

    In a part of the data neighbours are further apart, by what the dimension tells; where they are further still, most
    of the nearest neighbours among all are copies.
    """
    middle, expected = float(np.median(distance)), float(np.median(apart)) * PART ** (1 / dimension)
    return expected if expected > COPIED * middle else middle


def _dimension(distance: npt.NDArray[np.float64]) -> float:
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


def _near_within(pool: Pool, pairs: Pairs, split: int) -> dict[str, Any]:
    here = pool.members[:, split] > 0
    found = pairs.where(here[pairs.first] & here[pairs.second])
    groups = len(np.unique(found.groups(len(pool.first))[found.first])) if len(found) else 0
    involved = len(np.unique(np.concatenate([found.first, found.second])))
    return _record(pool, found, (split, split), groups, involved - groups)


def _near_between(pool: Pool, pairs: Pairs, left: int, right: int) -> dict[str, Any]:
    """Samples of the right split that are near one of the left and equal to none of it."""
    of_left = pool.members[:, left] > 0
    fresh = (pool.members[:, right] > 0) & ~of_left
    there, back = of_left[pairs.first] & fresh[pairs.second], fresh[pairs.first] & of_left[pairs.second]
    one, other = pairs.where(there), pairs.where(back)
    ordered = Pairs(
        np.concatenate([one.first, other.second]),
        np.concatenate([one.second, other.first]),
        np.concatenate([one.distance, other.distance]),
    )
    count = int(pool.members[np.unique(ordered.second), right].sum())
    return _record(pool, ordered, (left, right), len(np.unique(ordered.first)), count)


def _record(pool: Pool, pairs: Pairs, splits: tuple[int, int], groups: int, count: int) -> dict[str, Any]:
    left, right = splits
    best = np.argsort(pairs.distance, kind="stable")[:EXAMPLES]
    examples = []
    for a, b, distance in zip(pairs.first[best], pairs.second[best], pairs.distance[best], strict=True):
        both = [pool.sample(int(a), left), pool.sample(int(b), right)]
        both = sorted(both) if left == right else both
        examples.append({"samples": [pool.key(i) for i in both], "distance": round(float(distance), 6)})
    total = len(pool.splits[right])
    return {
        "split": pool.splits[right].name, "other": pool.splits[left].name if left != right else None,
        "role": pool.splits[right].role, "other_role": pool.splits[left].role if left != right else None,
        "groups": groups, "samples": count, "total": total, "share": count / max(total, 1), "examples": examples,
    }  # fmt: skip
