"""Several ranks read as one run: what each of them stored, put together without a word between the processes.

A loss or a score is the mean over the ranks. Of tensors that are sharded over the ranks (DTensor), each rank stores
sums over its own shard; the statistics of the whole are computed from these, at steps that all holders have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from netvet.core import Facts, LayerSeries, Series, first_record
from netvet.store.encoding import Values
from netvet.store.rank_facts import ranks_of, same_parameters, same_replicas

Found = Series | LayerSeries | Facts | None
# What one rank stored, by signal; whoever reads a whole run asks for the signals of `NEEDS` too.
Rank = Mapping[str, Found]

MEANS = ("loss", "val_loss", "train_accuracy", "val_accuracy")
GLOBAL_NORMS = ("grad_norm", "grad_norm_before_clip")
SHARDED = ("param_norm", "param_std", "param_grad_norm", "update_ratio", "grad_cosine", "non_finite_grads")
FACTS = {
    "ranks": ("run", "ranks", "loss", "lr", "grad_norm", "replicas", "pass_seconds"),
    "replicas": ("replicas", "grad_norm", "param_norm"),
    "parameters": ("parameters", "shards"),
}
# The other signals that a combined signal is made of.
NEEDS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in MEANS},
    **{name: (name, "shards") for name in GLOBAL_NORMS},
    **{name: (name, "shards", "shard_sums") for name in SHARDED},
    **FACTS,
}


def combined(signal: str, ranks: Sequence[Rank]) -> Found:
    """A signal of the whole run.

    Args:
        signal: one of `NEEDS`.
        ranks: what each rank stored of the signals that it needs, the lowest rank first.
    """
    if signal in FACTS:
        return {"ranks": ranks_of, "replicas": same_replicas, "parameters": same_parameters}[signal](ranks)
    layers = [found for rank in ranks if isinstance(found := rank[signal], LayerSeries)]
    if signal in MEANS:
        keys = dict.fromkeys(key for one in layers for key in one)
        return LayerSeries({k: mean_of([one[k] for one in layers if k in one]) for k in keys}) if keys else None
    shards = Shards(ranks)
    first = ranks[0][signal]
    own = dict(first) if isinstance(first, LayerSeries) else {}
    if signal in GLOBAL_NORMS:
        whole = {key: shards.norm_of([one.get(key) for one in layers]) for key in shards.optimizers}
    elif signal == "non_finite_grads":
        whole = {name: shards.count_of(name, layers) for name in shards.names}
    else:
        whole = shards.statistic(signal)
    ours = {*shards.names, *shards.keys, *shards.optimizers}
    own = {key: series for key, series in own.items() if key not in ours}
    own |= {key: series for key, series in whole.items() if series is not None and len(series)}
    return LayerSeries(own) if own else None


def mean_of(series: Sequence[Series]) -> Series:
    """The mean over the ranks that have a value at a step."""
    steps = np.unique(np.concatenate([one.steps for one in series]))
    total, count = np.zeros(len(steps)), np.zeros(len(steps))
    with np.errstate(invalid="ignore"):
        for one in series:
            at = np.searchsorted(steps, one.steps)
            total[at] += one.values
            count[at] += 1
        return Series(steps, total / count)


def aligned(series: Sequence[Series]) -> tuple[Any, Values]:
    """The steps that all have, int64 [n], and the values there, float64 [series, n]."""
    steps = reduce(np.intersect1d, [one.steps for one in series])
    return steps, np.array([one.values[np.searchsorted(one.steps, steps)] for one in series])


class Shards:
    """How the parameters of a run are spread over its ranks, and the statistics of the whole parameters.

    Attributes:
        names: the parameters of optimizers that hold sharded ones.
        optimizers: these optimizers.
        keys: the names that their cosines over all parameters have.
        complete: the shards of all ranks are stored here.
    """

    def __init__(self, ranks: Sequence[Rank]) -> None:
        records = [first_record(rank.get("shards")) for rank in ranks]
        self._sums = [found if isinstance(found := rank.get("shard_sums"), LayerSeries) else {} for rank in ranks]
        # Name -> [elements here, copies of this shard among the ranks], for each rank.
        self._held: list[Mapping[str, Sequence[float]]] = [record.get("parameters") or {} for record in records]
        first = next((record for record in records if record), {})
        self.names = tuple(dict.fromkeys(name for held in self._held for name in held))
        self._of: Mapping[str, Sequence[str]] = first.get("optimizers") or {}
        self._total: Mapping[str, str] = first.get("keys") or {}
        self.optimizers, self.keys = tuple(self._of), tuple(self._total.values())
        self.complete = int(first.get("world_size") or 0) == sum(bool(record) for record in records)

    def _holders(self, name: str) -> list[int]:
        return [rank for rank, held in enumerate(self._held) if name in held and held[name][0]]

    def norm_of(self, series: Sequence[Series | None]) -> Series | None:
        """The norm over all ranks of what each gives its own share of."""
        known = [one for one in series if one is not None]
        if not self.complete or len(known) < len(self._held):
            return None
        steps, values = aligned(known)
        with np.errstate(over="ignore", invalid="ignore"):
            return Series(steps, np.sqrt(np.square(values).sum(axis=0)))

    def count_of(self, name: str, layers: Iterable[LayerSeries]) -> Series | None:
        """The sum over the ranks that counted something; one shard that is held several times counts once."""
        ranks = [(one[name], self._copies(name)) for one in layers if name in one]
        if not ranks:
            return None
        steps = np.unique(np.concatenate([one.steps for one, _ in ranks]))
        total = np.zeros(len(steps))
        for one, copies in ranks:
            total[np.searchsorted(steps, one.steps)] += one.values / copies
        return Series(steps, np.round(total))

    def _copies(self, name: str) -> float:
        return next((float(held[name][1]) for held in self._held if name in held), 1.0)

    def statistic(self, signal: str) -> dict[str, Series | None]:
        """A statistic of every parameter, from the sums of its shards."""
        if not self.complete:
            return {}
        if signal == "grad_cosine":
            return self._cosines()
        return {name: self._one(signal, name) for name in self.names}

    def _one(self, signal: str, name: str) -> Series | None:
        if signal == "param_std":
            return self._std(name)
        if signal == "update_ratio":
            steps, (change, before) = self._added(name, "change", "before", squared=True)
            good = before > 0
            return Series(steps[good], np.sqrt(change[good] / before[good]))
        steps, (square,) = self._added(name, "grad" if signal == "param_grad_norm" else "norm", squared=True)
        return Series(steps, np.sqrt(square))

    def _std(self, name: str) -> Series:
        holders = self._holders(name)
        steps, table = self._table(name, holders, ("mean", "variance"))
        if not len(steps):
            return Series(steps, np.zeros(0))
        weights = np.array([[self._held[r][name][0] / self._held[r][name][1]] for r in holders])
        weights /= weights.sum()
        mean = (weights * table[0]).sum(axis=0)
        return Series(steps, np.sqrt((weights * (table[1] + np.square(table[0] - mean))).sum(axis=0)))

    def _added(self, name: str, *quantities: str, squared: bool = False) -> tuple[Any, Values]:
        """Sums over the shards of a parameter: steps [n], values [quantities, n]."""
        holders = self._holders(name)
        steps, table = self._table(name, holders, quantities)
        copies = np.array([self._held[rank][name][1] for rank in holders]).reshape(1, -1, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            return steps, ((np.square(table) if squared else table) / copies).sum(axis=1)

    def _table(self, name: str, holders: Sequence[int], quantities: Sequence[str]) -> tuple[Any, Values]:
        """Steps that all holders have [n], and the values there [quantities, holders, n]."""
        series = [self._sums[rank].get(f"{name} {quantity}") for quantity in quantities for rank in holders]
        known = [one for one in series if one is not None]
        if not known or len(known) < len(series):
            return np.zeros(0, dtype=np.int64), np.zeros((len(quantities), len(holders), 0))
        steps, values = aligned(known)
        return steps, values.reshape(len(quantities), len(holders), -1)

    def _cosines(self) -> dict[str, Series | None]:
        found: dict[str, Series | None] = {}
        for optimizer, names in self._of.items():
            total: dict[int, Values] = {}
            for name in names:
                steps, parts = self._added(name, "dot", "old", "new")
                found[name] = _cosine(steps, parts)
                for step, part in zip(steps.tolist(), parts.T, strict=True):
                    total[step] = total.get(step, 0.0) + part
            ordered = sorted(total)
            parts = np.array([total[step] for step in ordered]).reshape(-1, 3).T
            found[self._total.get(optimizer, optimizer)] = _cosine(np.array(ordered, dtype=np.int64), parts)
        return found


def _cosine(steps: Any, parts: Values) -> Series:
    dot, old, new = parts
    with np.errstate(all="ignore"):
        values = dot / (np.sqrt(old) * np.sqrt(new))
    good = np.isfinite(values)
    return Series(steps[good], np.clip(values[good], -1.0, 1.0))
