"""Data sets of PyTorch, sample by sample as their loader would give them, without touching the loader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data._utils.collate import default_collate

from netvet.capture.torch_fields import fields, texts
from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Kind, Problem, Shard, is_id
from netvet.experiments.given import rewound
from netvet.experiments.problem import seed_all

SHARD, BATCH, BATCH_BYTES = 8_192, 256, 16 * 2**20
# Samples that are read twice to know how long that takes, and whether they are the same again.
PROBED = 16
# What a stream gives at most.
MAX_STREAM = 1_000_000
# Shorter rows of whole numbers, and those with fewer different ones, are columns of codes rather than tokens.
MIN_TOKENS, MIN_IDS = 8, 20

Array = npt.NDArray[Any]


class Sample(dict[str, torch.Tensor]):
    """Parts of one sample by name; `words`: those that are strings."""

    words: Mapping[str, str] = {}


@dataclass(frozen=True, eq=False)
class Part:
    """A split.

    Args:
        dataset: with numbered samples, or an iterable; `numbers`: of the samples that belong to it, None for all.
        collate: puts samples together as the loader does; None where the data set gives whole batches.
        inputs, target: names of the parts of a batch that enter the net, and that the loss compares with.
        holders: further objects with random generators: samplers.
        drawn: samples that entered a model and were other ones each time, as far as was seen.
    """

    split: str
    dataset: Any
    inputs: tuple[str, ...]
    target: str | None = None
    numbers: Sequence[int] | None = None
    collate: Any = default_collate
    holders: tuple[Any, ...] = ()
    drawn: bool = False

    @property
    def streams(self) -> bool:
        """Samples have no numbers."""
        return isinstance(self.dataset, IterableDataset) or not hasattr(self.dataset, "__getitem__")

    @cached_property
    def rows(self) -> Sequence[int]:
        """Numbers of its samples."""
        return self.numbers if self.numbers is not None else range(len(self.dataset))

    def batch(self, items: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Parts of some samples, put together."""
        return fields(self._collated(items))

    def samples(self, items: Sequence[Any]) -> Iterator[Sample]:
        """Each sample of what is put together: of parts that have one entry for each."""
        made = self._collated(items)
        batch, words = fields(made), texts(made)
        sizes = [len(t) for t in batch.values()]
        size = max(set(sizes), key=sizes.count) if sizes else 0
        for i in range(size):
            one = Sample({name: t[i] for name, t in batch.items() if len(t) == size})
            one.words = {name: t[i] for name, t in words.items() if len(t) == size}
            yield one

    def _collated(self, items: Sequence[Any]) -> Any:
        return self.collate(list(items)) if self.collate is not None else items[0]

    def key(self, number: int) -> str:
        """By which a person finds a sample: its number in the data set behind subsets."""
        dataset: Any = self.dataset
        while isinstance(dataset, torch.utils.data.Subset):
            number, dataset = int(dataset.indices[number]), dataset.dataset
        return str(number)


@dataclass(frozen=True)
class Probe:
    """What the first samples of a part tell: seconds and bytes of one, whether shapes or a second reading differ.

    `tokens`: each is as many whole numbers, which run higher than their positions: ids, and no columns with codes.
    """

    seconds: float
    nbytes: int
    ragged: bool
    changes: bool
    tokens: bool


@dataclass(eq=False)
class TorchData:
    """Data sets of this process.

    Args:
        parts: one a split, the training data first; `name`: what a report calls them.
        seconds: that reading may take in all; what is left out is said in `notes`.
        said: parts of a batch that the user has named: of groups, of times.
    """

    parts: Sequence[Part]
    name: str
    seconds: float
    kind: Kind = "tensor"
    here_only: bool = True
    notes: list[str] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)
    said: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._probes = {part.split: self._probed(part) for part in self.parts}
        self._chosen = {part.split: self._choose(part) for part in self.parts if not part.streams}
        self._ends: dict[str, float] = {}
        self.changing += [part.split for part in self.parts if part.drawn]
        if all(probe.tokens for probe in self._probes.values()):
            self.kind = "tokens"

    def shards(self) -> list[Shard]:
        """Thousands of samples each; a stream is one."""
        found = []
        for part in self.parts:
            if part.streams:
                found.append(Shard(part.split, 0, 0, None, "", part))
                continue
            rows = self._chosen[part.split]
            starts = range(0, max(len(rows), 1), SHARD)
            found += [Shard(part.split, i, s, min(SHARD, len(rows) - s), "", part) for i, s in enumerate(starts)]
        return found

    def problems(self) -> Sequence[tuple[str, Problem]]:
        """None before samples are read."""
        return ()

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """The samples of a part, as they would enter the net."""
        part: Part = shard.where
        probe = self._probes[part.split]
        end = self._ends.setdefault(part.split, perf_counter() + self._share(part))
        size = max(1, min(BATCH, BATCH_BYTES // max(probe.nbytes, 1)))
        done, chunks = 0, 0
        with rewound((part.dataset, part.holders)):
            for keys, items, problems in self._items(part, shard, size):
                if perf_counter() > end:
                    self._cut(part, shard.first + done)
                    break
                yield from self._chunks(part, probe, keys, items, problems)
                done, chunks = done + len(keys), chunks + 1
        if not chunks:
            yield from self._chunks(part, probe, [], [], [])

    def samples(self, split: str, size: int) -> Iterator[tuple[list[str], list[Sample]]]:
        """Keys and parts of the samples of a split, so many at a time; those that cannot be read are left out."""
        part = next(p for p in self.parts if p.split == split)
        with rewound((part.dataset, part.holders)):
            for shard in (s for s in self.shards() if s.split == split):
                for keys, items, _ in self._items(part, shard, size):
                    single = self._probes[split].ragged or part.collate is not default_collate
                    columns, good, _ = _columns(part, items, keys, single=single)
                    if columns:
                        yield [keys[i] for i in good], columns

    def _items(self, part: Part, shard: Shard, size: int) -> Iterator[tuple[list[str], list[Any], list[Problem]]]:
        if part.streams:
            yield from _streamed(part, size)
            return
        rows = self._chosen[part.split][shard.first : shard.first + (shard.count or 0)]
        for start in range(0, len(rows), size):
            with forked_rng():
                seed_all(shard.first + start)
                yield _read(part, rows[start : start + size])

    def _chunks(
        self, part: Part, probe: Probe, keys: list[str], items: list[Any], problems: list[Problem]
    ) -> Iterator[Chunk]:
        one_by_one = probe.ragged or part.collate is not default_collate
        columns, good, bad = _columns(part, items, keys, single=one_by_one)
        kept = [keys[i] for i in good]
        inputs: Any = [_joined(part, one) for one in columns] if probe.ragged else _stacked(part, columns)
        target = part.target
        targets = _targets([one[target] for one in columns]) if target and columns else None
        facts = self._facts(part, columns)
        yield Chunk(kept, inputs, targets, facts, (*problems, *bad), ragged=probe.ragged)

    def _facts(self, part: Part, columns: Sequence[Sample]) -> dict[str, Array]:
        """Of whom and from when samples are: parts of a batch that neither the net nor the loss is given."""
        if not columns:
            return {}
        numbers = [n for n, t in columns[0].items() if t.numel() == 1 and n not in (*part.inputs, part.target)]
        numbers += [n for n in self.said if n in columns[0] and columns[0][n].numel() == 1 and n not in numbers]
        found = {n: np.array([float(one[n]) for one in columns])
                 for n in numbers if self._is_fact(n) and all(n in one for one in columns)}  # fmt: skip
        for name in filter(self._is_fact, columns[0].words):
            found[name] = np.array([one.words.get(name) for one in columns], dtype=object)
        return found

    def _is_fact(self, name: str) -> bool:
        return name in self.said or is_id(name)

    def _share(self, part: Part) -> float:
        """Seconds for a part: what all may take, by the estimated times, and a fifth in any case."""
        wanted = {p.split: self._probes[p.split].seconds * (len(p.rows) if not p.streams else 1e5) for p in self.parts}
        return self.seconds * max(0.2, wanted[part.split] / max(sum(wanted.values()), 1e-9))

    def _probed(self, part: Part) -> Probe:
        with rewound((part.dataset, part.holders)):
            began = perf_counter()
            first, again = (_first(part, time) for time in range(2))
        if not first:
            raise NetvetError(f"the data set of {part.split} gave no sample when it was read again")
        missing = [n for n in (*part.inputs, *([part.target] if part.target else [])) if n not in first[0]]
        if missing:
            raise NetvetError(f"the data set of {part.split} gives no {missing[0]!r} when it is read again")
        seconds = (perf_counter() - began) / (len(first) + len(again))
        joined = [[_joined(part, one) for one in ones] for ones in (first, again)]
        changes = not part.streams and any(
            a.shape != b.shape or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
            for a, b in zip(*joined, strict=False)
        )
        if changes:
            self.changing.append(part.split)
            self.notes.append(f"samples of {part.split} are others each time they are read (augmentation or noise)")
        ragged = len({a.shape for a in joined[0]}) > 1
        return Probe(seconds, joined[0][0].nbytes, ragged, changes, not ragged and _are_tokens(joined[0]))

    def _choose(self, part: Part) -> Sequence[int]:
        """The samples that are read: all, or as many at random as there is time for."""
        rows, seconds = part.rows, self._probes[part.split].seconds
        able = int(self.seconds / len(self.parts) / max(seconds, 1e-9))
        if able >= len(rows) or len(rows) <= SHARD:
            return rows
        chosen = np.sort(np.random.default_rng(0).choice(len(rows), max(able, SHARD), replace=False))
        self._cut(part, len(chosen))
        return [rows[i] for i in chosen.tolist()]

    def _cut(self, part: Part, count: int) -> None:
        total = f" of {len(part.rows):,}" if not part.streams else ""
        note = f"{count:,}{total} samples of {part.split} were read in the time there was (--seconds)"
        if note not in self.notes:
            self.notes.append(note)


def _are_tokens(ones: Sequence[Array]) -> bool:
    whole = all(one.dtype.kind in "iu" and one.ndim == 1 and len(one) >= MIN_TOKENS for one in ones)
    return whole and max(int(one.max()) for one in ones) > max(MIN_IDS, len(ones[0]))


def _read(part: Part, rows: Sequence[int]) -> tuple[list[str], list[Any], list[Problem]]:
    keys, items, problems = [], [], []
    for row in rows:
        try:
            items.append(part.dataset[row])
            keys.append(part.key(row))
        except Exception as error:  # whatever a data set does with a sample that is broken
            problems.append(Problem(part.key(row), "unreadable", f"{type(error).__name__}: {error}"))
    return keys, items, problems


def _streamed(part: Part, size: int) -> Iterator[tuple[list[str], list[Any], list[Problem]]]:
    items: list[Any] = []
    count = 0
    with forked_rng():
        seed_all(0)
        stream = iter(part.dataset)
        for item in stream:
            items.append(item)
            if len(items) == size or part.collate is None:
                yield [str(count + i) for i in range(len(items))], items, []
                count, items = count + len(items), []
            if count >= MAX_STREAM:
                break
    if items or not count:
        yield [str(count + i) for i in range(len(items))], items, []


def _first(part: Part, time: int) -> list[Sample]:
    """Some samples, spread over the data set, each for itself."""
    with forked_rng():
        seed_all(time)
        try:
            if part.streams:
                items = [item for item, _ in zip(part.dataset, range(PROBED), strict=False)]
            else:
                places = np.unique(np.linspace(0, len(part.rows) - 1, PROBED).astype(int)).tolist()
                _, items, problems = _read(part, [part.rows[i] for i in places])
                if problems and not items:
                    raise ValueError(f"its samples are {problems[0].what}: {problems[0].message}")
            return [sample for item in items for sample in part.samples([item])]
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            raise NetvetError(f"the data set of {part.split} cannot be read again: {told}") from error


def _columns(
    part: Part, items: list[Any], keys: list[str], *, single: bool
) -> tuple[list[Sample], list[int], list[Problem]]:
    """Parts of each sample, the places of those that can be used, and what is wrong with the others."""
    if not single and items:
        try:
            found = list(part.samples(items))
            if len(found) == len(items):
                return found, list(range(len(items))), []
        except Exception:  # one of them has another form: it is looked for below
            pass
    columns, good, problems = [], [], []
    for place, item in enumerate(items):
        try:
            for sample in part.samples([item]):
                _joined(part, sample)
                columns.append(sample)
                good.append(place)
        except Exception as error:
            problems.append(Problem(keys[place], "unreadable", f"{type(error).__name__}: {error}"))
    return columns, good, problems


def values_of(tensor: torch.Tensor) -> Array:
    """The numbers of a tensor, on whatever device."""
    plain = tensor.detach().cpu()
    found: Array = (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()
    return found


def _joined(part: Part, sample: Mapping[str, torch.Tensor]) -> Array:
    """What enters the net of a sample: one array, or the numbers of several."""
    arrays = [values_of(sample[name]) for name in part.inputs]
    return arrays[0] if len(arrays) == 1 else np.concatenate([a.astype(np.float64).ravel() for a in arrays])


def _stacked(part: Part, columns: Sequence[Mapping[str, torch.Tensor]]) -> Array:
    arrays = [_joined(part, one) for one in columns]
    return np.stack(arrays) if arrays else np.zeros((0, 1), np.float32)


def _targets(targets: Sequence[torch.Tensor]) -> Array | None:
    """One label or number for each sample, if that is what they have."""
    if any(t.numel() != 1 for t in targets):
        sizes = {t.numel() for t in targets}
        rows = [values_of(t).reshape(-1) for t in targets]
        hot = len(sizes) == 1 and all(set(np.unique(r)) == {0, 1} and r.sum() == 1 for r in rows)
        return np.array([int(r.argmax()) for r in rows]) if hot else None
    values = [t.reshape(()).item() for t in targets]
    whole = not any(isinstance(v, float) for v in values)
    return np.array(values, dtype=np.int64 if whole else np.float64)


def numbers_of(loader: DataLoader[Any] | Any) -> Sequence[int] | None:
    """Numbers of the samples that a loader (or what is kept of one) would give; None for all of the data set."""
    from torch.utils.data import SequentialSampler, SubsetRandomSampler

    sampler = getattr(loader.batch_sampler, "sampler", None) or loader.sampler
    if isinstance(sampler, SubsetRandomSampler):
        return [int(i) for i in sampler.indices]
    if type(sampler) is SequentialSampler or hasattr(sampler, "replacement") or hasattr(sampler, "num_replicas"):
        return None
    try:
        with forked_rng(), rewound(sampler):
            return sorted({int(i) for i, _ in zip(sampler, range(MAX_STREAM), strict=False)})
    except Exception:  # a sampler of batches, or of anything else
        return None
