"""Facts of several ranks as facts of one run: who ended when, who holds other weights, who keeps the others waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from netvet.core import Facts, LayerSeries, Record, Series, first_record

Rank = Mapping[str, Series | LayerSeries | Facts | None]

# Gradients that were averaged over the ranks are the same numbers everywhere; this much may differ between devices.
# The same of weights, which are equal to the last bit on equal devices, and drift apart slowly.
SAME_NORM, SAME_WEIGHTS = 1e-3, 1e-5
# Parts of a step before which no rank waits for another, in the order in which they come.
PARTS = ("between passes", "forward", "backward")


def ranks_of(ranks: Sequence[Rank]) -> Facts | None:
    """One record for each rank of the job: how far it came, how it ended, how long its parts of a step take."""
    records = [_own_record(rank) for rank in ranks]
    known = {int(record["rank"]): record for record in records if "rank" in record}
    if not known:
        return None
    size = max(int(record.get("world_size") or 0) for record in known.values())
    for record, paces in zip(records, _paces(ranks), strict=True):
        record |= paces
    for number in set(range(size)) - set(known):
        known[number] = {"rank": number, "world_size": size, "present": False, "ended": None, "last_step": None}
    return Facts([known[number] for number in sorted(known)])


def _own_record(rank: Rank) -> dict[str, Any]:
    own, run = first_record(rank.get("ranks")), first_record(rank.get("run"))
    steps = [int(one.steps[-1]) for name in ("lr", "loss") for one in layers(rank.get(name)).values() if len(one)]
    losses = [one for one in layers(rank.get("loss")).values() if not np.isfinite(one.values).all()]
    broken = [int(one.steps[~np.isfinite(one.values)][0]) for one in losses]
    return {
        **own, "present": True, "ended": run.get("ended"), "last_step": max(steps, default=None),
        "first_non_finite": min(broken, default=None),
    }  # fmt: skip


def _paces(ranks: Sequence[Rank]) -> list[dict[str, Any]]:
    """Median seconds of the parts of a step, over the steps that all timed, and how often it was slower."""
    timed = [layers(rank.get("pass_seconds")) for rank in ranks]
    if len(ranks) < 2 or any(part not in one for one in timed for part in PARTS):
        return [{} for _ in ranks]
    steps = reduce(np.intersect1d, [one[part].steps for one in timed for part in PARTS])
    if not len(steps):
        return [{} for _ in ranks]
    table = np.array([[one[p].values[np.searchsorted(one[p].steps, steps)] for p in PARTS] for one in timed])
    whole = float(np.median(table.sum(axis=1)))
    found: list[dict[str, Any]] = [{"timed_steps": len(steps), "step_seconds": whole} for _ in ranks]
    for position, part in enumerate(PARTS):
        for index, record in enumerate(found):
            others = np.median(np.delete(table[:, position], index, axis=0), axis=0)
            name = part.replace(" ", "_")
            record[f"{name}_seconds"] = float(np.median(table[index, position]))
            record[f"{name}_excess"] = float(np.median(table[index, position] - others)) / whole if whole > 0 else 0.0
            record[f"{name}_slower"] = float((table[index, position] > others).mean())
    return found


def same_replicas(ranks: Sequence[Rank]) -> Facts | None:
    """One record for all ranks: the tensors that differ, since when, and on which ranks."""
    records = [(dict(record), rank) for rank in ranks if (record := first_record(rank.get("replicas")))]
    if not records:
        return None
    record = {k: v for k, v in records[0][0].items() if k not in ("hashes", "inputs")}
    numbers = [int(own.get("rank") or 0) for own, _ in records]
    record["same_inputs"] = _same_inputs([own.get("inputs") or {} for own, _ in records])
    hashes = [own.get("hashes") or {} for own, _ in records]
    if len(records) < 2:
        return Facts([record | {"differing": None}])
    record |= {"differing": []} | _apart(hashes, numbers)
    parted = None
    if record.get("wrapper") == "DistributedDataParallel":
        limits = {"grad_norm": SAME_NORM, "param_norm": SAME_WEIGHTS}
        found = (_norms_apart([rank.get(name) for _, rank in records], limit) for name, limit in limits.items())
        parted = min((one for one in found if one is not None), default=None)
    if parted is not None:
        step, _, name, values = parted
        record |= {"norms_differ_from": step, "norms_differ_in": name}
        record.setdefault("odd_ranks", odd_ones(values, numbers))
        if record["differing"] and not record.get("raw_module_called"):
            record["first_step"] = min(int(record.get("first_step") or step + 1), step + 1)
    return Facts([record])


def _apart(hashes: Sequence[Mapping[str, Mapping[str, int]]], numbers: Sequence[int]) -> dict[str, Any]:
    """The first hashed step, common to all ranks, at which a tensor is not the same everywhere."""
    for step in sorted(set.intersection(*(set(h) for h in hashes)), key=int):
        at = [h[step] for h in hashes]
        differing = [name for name in at[0] if any(one.get(name) != at[0][name] for one in at[1:])]
        if differing:
            whole = [tuple(sorted(one.items())) for one in at]
            return {"differing": differing, "first_step": int(step), "odd_ranks": odd_ones(whole, numbers)}
    return {}


def odd_ones(values: Sequence[Any], numbers: Sequence[int]) -> list[int]:
    """The ranks that do not have what most have; none where no value has a majority."""
    value, count = Counter(values).most_common(1)[0]
    if 2 * count <= len(values):
        return []
    return [number for number, own in zip(numbers, values, strict=True) if own != value]


def _norms_apart(norms: Sequence[Any], limit: float) -> tuple[int, int, str, list[float]] | None:
    """The first step at which what should be equal on all ranks differs in size: step, place, name, the sizes."""
    every, found = [layers(one) for one in norms], []
    for number, key in enumerate(every[0]):
        if any(key not in one for one in every):
            continue
        steps = reduce(np.intersect1d, [one[key].steps for one in every])
        table = np.array([one[key].values[np.searchsorted(one[key].steps, steps)] for one in every])
        finite = np.isfinite(table)
        with np.errstate(invalid="ignore"):
            spread = table.max(axis=0) - table.min(axis=0) > limit * np.abs(table).max(axis=0)
        apart = np.where(finite.all(axis=0), spread, finite.any(axis=0))
        if apart.any():
            place = int(apart.argmax())
            digits = -int(np.log10(limit))
            sizes = [float(f"{value:.{digits}g}") for value in table[:, place]]
            found.append((int(steps[place]), number, key, sizes))
    return min(found, default=None)


def _same_inputs(inputs: Sequence[Mapping[str, int]]) -> list[int]:
    """The hashed steps at which all ranks were given the same samples."""
    if len(inputs) < 2:
        return []
    common = set.intersection(*(set(one) for one in inputs))
    return sorted(int(step) for step in common if len({one[step] for one in inputs}) == 1)


def same_parameters(ranks: Sequence[Rank]) -> Facts | None:
    """The parameters of the lowest rank, with what the shards of the others show."""
    every = [facts for rank in ranks if isinstance(facts := rank.get("parameters"), Facts)]
    if not every:
        return None
    sharded = set(first_record(ranks[0].get("shards")).get("parameters") or ())
    others = [{record.get("name"): record for record in facts} for facts in every]
    return Facts([_whole([o[r["name"]] for o in others if r["name"] in o]) if r.get("name") in sharded else r
                  for r in every[0]])  # fmt: skip


def _whole(records: Sequence[Record]) -> Record:
    """One record of a parameter from those of its shards."""
    held = [record for record in records if record.get("local_elements")]
    record = dict(records[0])
    for name in ("reached", "changed"):
        record[name] = any(one.get(name) for one in records)
    record["zero_grad_steps"] = min((int(one.get("zero_grad_steps") or 0) for one in held), default=0)
    known = [one for one in held if one.get("init_mean") is not None]
    sizes = np.array([float(one["local_elements"]) for one in known])
    if len(sizes):
        means = np.array([float(one["init_mean"]) for one in known])
        stds = np.array([float(one.get("init_std") or 0.0) for one in known])
        mean = float((sizes * means).sum() / sizes.sum())
        square = ((sizes - 1) * stds**2 + sizes * (means - mean) ** 2).sum()
        record["init_mean"] = mean
        record["init_std"] = float(np.sqrt(square / (sizes.sum() - 1))) if sizes.sum() > 1 else None
    return record


def layers(found: Any) -> Mapping[str, Series]:
    """The series of a signal; none where it was not recorded."""
    return found if isinstance(found, LayerSeries) else {}
