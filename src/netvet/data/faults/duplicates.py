"""Samples that occur again, exactly or nearly, within a split and in two splits."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.describe import text
from netvet.data.faults import NotAssessable, neighbours
from netvet.data.faults.limits import near as near_points
from netvet.data.faults.near_images import near_images
from netvet.data.faults.near_rows import near_rows
from netvet.data.faults.neighbours import Pairs
from netvet.data.faults.pool import Pool, by_chance, pool_of
from netvet.data.index import Audited

EXAMPLES = 10
# Of the median distance between nearest neighbours: root of cleanlab's limit for near duplicates (Datalab, 0.13), whose
# distance between features is a cosine, which goes with the square.
NEAR = 0.36
# Values of a sample up to which an array is a table, and not a picture or a signal.
ROW = 32
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
    pairs, possible = (_of_shown(pool, one) for one in _sure_and_possible(data, pool))
    records = _records(pool, pairs, possible)
    found: list[Record] = [r | {"kind": data.kind} for r in records if r["samples"] or r["possible"]]
    if found:
        sure = _involved(pool, pairs)
        rest = pool.suspects(_involved(pool, possible) & ~sure)
        more = {name: _nearest_first(pool, possible, name, numbers) for name, numbers in rest.items()}
        marked = {"near duplicate": pool.suspects(sure), "possible near duplicate": more}
        found[0] = {**found[0], "marked": {kind: splits for kind, splits in marked.items() if splits}}
    return found


def near_pairs(data: Audited, pool: Pool) -> Pairs:
    """Pairs of different inputs that are all but equal."""
    return _sure_and_possible(data, pool)[0]


def _sure_and_possible(data: Audited, pool: Pool) -> tuple[Pairs, Pairs]:
    if "near pairs" not in data.shared:
        data.shared["near pairs"] = _near_pairs(data, pool)
    found: tuple[Pairs, Pairs] = data.shared["near pairs"]
    return found


def _near_pairs(data: Audited, pool: Pool) -> tuple[Pairs, Pairs]:
    words = pool.near()
    if data.kind in ("text", "tokens") and words.shape[1] >= 8:
        signatures = np.ascontiguousarray(words[:, : text.SIGNATURE]).view(np.uint32)
        return neighbours.near_signatures(signatures, SIMILAR), Pairs.none()
    points = neighbours.scaled(pool.features()) if data.kind in ("table", "tensor") else np.nan_to_num(pool.features())
    if data.kind == "table" or (data.kind == "tensor" and points.shape[1] <= ROW):
        return near_rows(pool.features(), points), Pairs.none()
    if data.kind == "image":
        return near_images(points, words, pool.splits[0].rows.names)
    return near_points(points, NEAR), Pairs.none()


def _of_shown(pool: Pool, pairs: Pairs) -> Pairs:
    """Those of inputs that are looked at."""
    shown = np.unique(pool.inputs)
    return pairs.where(np.isin(pairs.first, shown) & np.isin(pairs.second, shown))


def _involved(pool: Pool, pairs: Pairs) -> npt.NDArray[np.bool_]:
    return np.isin(pool.inputs, np.concatenate([pairs.first, pairs.second]))


def _nearest_first(pool: Pool, pairs: Pairs, split: str, samples: neighbours.Numbers) -> neighbours.Numbers:
    """Samples of a split in the order of the distance to the nearest partner."""
    distance = np.full(len(pool.first), np.inf)
    for side in (pairs.first, pairs.second):
        np.minimum.at(distance, side, pairs.distance)
    inputs = pool.inputs_of([s.name for s in pool.splits].index(split))
    return samples[np.argsort(distance[inputs[samples]], kind="stable")]


def _records(pool: Pool, pairs: Pairs, possible: Pairs) -> list[dict[str, Any]]:
    found = []
    for s in range(len(pool.splits)):
        more = _near_within(pool, possible, s)
        found.append(_near_within(pool, pairs, s) | _listed(more))
    for a, b in combinations(range(len(pool.splits)), 2):
        more = _near_between(pool, possible, a, b)
        found.append(_near_between(pool, pairs, a, b) | _listed(more))
    return found


def _listed(possible: dict[str, Any]) -> dict[str, Any]:
    return {"possible": possible["samples"], "possible_examples": possible["examples"]}


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
