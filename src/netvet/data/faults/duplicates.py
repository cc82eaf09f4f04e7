"""Samples that occur again, exactly or nearly, within a split and in two splits."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from netvet.core import Record
from netvet.data.faults import NotAssessable, neighbours
from netvet.data.faults.neighbours import Pairs
from netvet.data.faults.pool import Pool, by_chance, pool_of
from netvet.data.index import Audited

EXAMPLES = 10
# Of the median distance between nearest neighbours; cleanlab's limit for near duplicates (Datalab, threshold 0.13).
NEAR = 0.13
# The same for images, whose shapes stay what they are under compression, light and a shift by a pixel.
NEAR_IMAGE = 0.45
# Bits of its hash that an image with something to be seen has; smooth ones all look alike.
STRUCTURE = 16
# Pairs of different samples that may come so near by chance, over all samples.
BY_CHANCE = 0.1
# Share of equal shingles from which texts are one text (Lee et al., arXiv:2107.06499, section 4.2).
SIMILAR = 0.8


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
    found: list[Record] = [r for r in records if r["samples"]]
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
        return neighbours.near_signatures(words.view(np.uint32), SIMILAR)
    names = pool.splits[0].rows.names
    if data.kind == "image" and "grey 0,0" in names:
        shown = np.flatnonzero(np.bitwise_count(words).sum(axis=1) >= STRUCTURE)
        points = _shapes(pool.features()[shown], names)
        pairs = neighbours.near_points(points, near_limit(points, NEAR_IMAGE)) if len(shown) >= 20 else Pairs.none()
        return Pairs(shown[pairs.first], shown[pairs.second], pairs.distance)
    points = neighbours.scaled(pool.features()) if data.kind in ("table", "tensor") else np.nan_to_num(pool.features())
    return neighbours.near_points(points, near_limit(points, NEAR))


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

    A share of the median distance of nearest neighbours, and so small that chance brings next to no pair so near: below
    the median, the share of points with a neighbour within r grows as r to the power of their dimension, which is read
    off the quantiles of the distances (so that a few copies among them do not matter).
    """
    asked = neighbours.asked_of(points)
    distance, _ = neighbours.nearest(points, asked)
    low, middle, high = np.quantile(distance, [0.3, 0.5, 0.75])
    if high <= max(low, 0.0) or low <= 0:
        return 0.0
    # F(r) = 1 - exp(-c r^d): quantiles at 0.3 and 0.75 give d.
    dimension = float(np.log(np.log(0.25) / np.log(0.7)) / np.log(high / low))
    natural = (BY_CHANCE / (len(points) * np.log(2))) ** (1 / dimension)
    return float(middle * min(share, natural))


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
    examples = [
        {
            "samples": [pool.key(pool.sample(int(a), left)), pool.key(pool.sample(int(b), right))],
            "distance": round(float(d), 6),
        }
        for a, b, d in zip(pairs.first[best], pairs.second[best], pairs.distance[best], strict=True)
    ]  # fmt: skip
    total = len(pool.splits[right])
    return {
        "split": pool.splits[right].name, "other": pool.splits[left].name if left != right else None,
        "role": pool.splits[right].role, "other_role": pool.splits[left].role if left != right else None,
        "groups": groups, "samples": count, "total": total, "share": count / max(total, 1), "examples": examples,
    }  # fmt: skip
