"""Equal and all but equal inputs with different targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.faults import NotAssessable, neighbours
from netvet.data.faults.duplicates import EXAMPLES, near_pairs
from netvet.data.faults.pool import Pool, by_chance, pool_of
from netvet.data.index import Audited

# Regression: targets of one input differ by more than those of nearest neighbours do but for this share of them, and by
# more than this share of their spread over the data.
UNUSUAL, SPREAD = 0.99, 0.5
# Share of the repeated inputs whose targets must differ so; fewer are the tail of the noise.
REPEATED = 0.1


def conflicts(data: Audited) -> list[Record]:
    """Records of the signal `conflicts`: one for equal inputs, one for near ones, where there are any."""
    pool = pool_of(data)
    targets = _targets(pool)
    typical = None if data.classes else _typical(data, pool, targets)
    groups = {"equal": pool.inputs, "near": _near_groups(data, pool)}
    chance = by_chance(data, pool)
    found: list[Record] = []
    for kind, group in groups.items():
        known = (group >= 0) & np.isfinite(targets)
        marked, repeated = _conflicting(group, targets, known, typical)
        if kind == "near":
            marked &= ~_conflicting(pool.inputs, targets, known & (pool.inputs >= 0), typical)[0]
        if not marked.any() or (typical is not None and marked.sum() < REPEATED * repeated):
            continue
        record = _record(data, pool, group, marked) | {"kind": kind, "typical": typical, "by_chance": chance}
        if not chance:
            record["marked"] = {f"conflicting label ({kind})": pool.suspects(marked)}
        found.append(record)
    return found


def _targets(pool: Pool) -> npt.NDArray[np.float64]:
    """Of all samples, NaN where there is none."""
    parts = []
    for split in pool.splits:
        if split.labels is not None:
            parts.append(np.where(split.labels >= 0, split.labels.astype(np.float64), np.nan))
        else:
            parts.append(split.numbers if split.numbers is not None else np.full(len(split), np.nan))
    found = np.concatenate(parts) if parts else np.zeros(0)
    if not np.isfinite(found).any():
        raise NotAssessable("no targets")
    return found


def _conflicting(
    group: npt.NDArray[np.int64], targets: npt.NDArray[np.float64], known: npt.NDArray[np.bool_], typical: float | None
) -> tuple[npt.NDArray[np.bool_], int]:
    """Samples in groups whose targets are further apart than they may be; also the samples in groups of several."""
    low, high = np.full(int(group.max(initial=-1)) + 1, np.inf), np.full(int(group.max(initial=-1)) + 1, -np.inf)
    np.minimum.at(low, group[known], targets[known])
    np.maximum.at(high, group[known], targets[known])
    count = np.bincount(group[known], minlength=len(low))
    marked, several = np.zeros(len(group), bool), np.zeros(len(group), bool)
    marked[known] = (high - low)[group[known]] > (typical or 0.0)
    several[known] = count[group[known]] > 1
    return marked, int(several.sum())


def _near_groups(data: Audited, pool: Pool) -> npt.NDArray[np.int64]:
    """Group of near inputs of each sample, -1 for those without."""
    pairs = near_pairs(data, pool)
    group = pairs.groups(len(pool.first))
    near = np.isin(np.arange(len(pool.first)), np.concatenate([pairs.first, pairs.second]))
    found: npt.NDArray[np.int64] = np.where((pool.inputs >= 0) & near[pool.inputs], group[pool.inputs], -1)
    return found


def _typical(data: Audited, pool: Pool, targets: npt.NDArray[np.float64]) -> float:
    """How far targets of nearest neighbours among different inputs are apart, but for a few of them."""
    points = neighbours.scaled(pool.features()) if data.kind in ("table", "tensor") else np.nan_to_num(pool.features())
    if len(points) < 20:
        raise NotAssessable("fewer than 20 different samples: their noise is not known")
    own = targets[pool.first]
    asked = neighbours.asked_of(points)
    _, nearest = neighbours.nearest(points, asked)
    apart = np.abs(own[asked] - own[nearest[:, 0]])
    known = apart[np.isfinite(apart)]
    return float(max(np.quantile(known, UNUSUAL) if len(known) else 0.0, SPREAD * np.nanstd(targets)))


def _record(data: Audited, pool: Pool, group: npt.NDArray[np.int64], marked: npt.NDArray[np.bool_]) -> dict[str, Any]:
    numbers = np.flatnonzero(marked)
    which, first = np.unique(group[numbers], return_index=True)
    examples = []
    for one in which[np.argsort(first)][:EXAMPLES].tolist():
        of = numbers[group[numbers] == one]
        shown = of[:4].tolist()
        # The first samples may agree: show one that differs.
        shown += [int(i) for i in of[4:] if _target(data, pool, i) not in {_target(data, pool, j) for j in shown}][:1]
        examples.append({"samples": [pool.key(i) for i in shown], "targets": [_target(data, pool, i) for i in shown]})
    total = len(pool.inputs)
    return {
        "task": "classification" if data.classes else "regression", "groups": len(which), "samples": len(numbers),
        "total": total, "share": len(numbers) / max(total, 1), "examples": examples,
    }  # fmt: skip


def _target(data: Audited, pool: Pool, sample: int) -> str | float | None:
    number = int(np.searchsorted(pool.starts, sample, side="right")) - 1
    split, within = pool.splits[number], int(sample - pool.starts[number])
    if split.labels is not None:
        label = int(split.labels[within])
        return data.classes[label] if label >= 0 else None
    return float(split.numbers[within]) if split.numbers is not None else None
