"""Single samples read again, to be looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Shard, Source
from netvet.data.scan import kept_rows

# Samples that are kept: what a person goes back to, and photographs of 12 MB in 3 GB at the very most.
KEPT = 256


@dataclass(frozen=True)
class Sample:
    """One sample as it lies in the data.

    Args:
        input: an array or a string; for a table, values by column.
        attributes: what else is known of it.
    """

    input: Any
    attributes: Mapping[str, Any]


class Samples:
    """Samples by split and number. A shard is read up to the sample, and all that is wanted of it is kept.

    Args:
        folder: where an audit has left what it read, so that the number of samples of each shard is known.
        wanted: (split, number) of samples that will be asked for.
    """

    def __init__(self, source: Source, folder: Path | None, wanted: Iterable[tuple[str, int]] = ()) -> None:
        self._source, self._folder, self._wanted = source, folder, frozenset(wanted)
        self._kept: OrderedDict[tuple[str, int], Sample] = OrderedDict()
        self._begins: dict[str, list[tuple[int, Shard]]] = {}
        self._shards: dict[str, list[Shard]] = {}
        for shard in source.shards():
            self._shards.setdefault(shard.split, []).append(shard)

    def get(self, split: str, number: int) -> Sample:
        """A sample.

        Raises:
            NetvetError: it is not there any more.
        """
        if (split, number) not in self._kept:
            self._read(split, number)
        self._kept.move_to_end((split, number))
        return self._kept[split, number]

    def _read(self, split: str, number: int) -> None:
        first, shard = self._holder(split, number)
        others = {n for s, n in self._wanted if s == split and n >= first} | {number}
        wanted = sorted(others, key=lambda n: abs(n - number))[:KEPT]
        for chunk in self._source.read(shard):
            for one in wanted:
                if first <= one < first + len(chunk):
                    self._keep((split, one), _sample(chunk, one - first))
            first += len(chunk)
            if first > max(wanted):
                break
        if (split, number) not in self._kept:
            raise NetvetError(
                f"{self._source.name}: sample {number} of {split} is not there any more; audit them again"
            )

    def _keep(self, place: tuple[str, int], sample: Sample) -> None:
        self._kept[place] = sample
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def _holder(self, split: str, number: int) -> tuple[int, Shard]:
        """The shard that holds a sample, with the number of its first one: those before it are counted."""
        begins, first = self._begins.setdefault(split, []), 0
        for position, shard in enumerate(self._shards.get(split, ())):
            if position == len(begins):
                begins.append((first, shard))
            count = begins[position + 1][0] - first if position + 1 < len(begins) else self._count(shard)
            if number < first + count:
                return first, shard
            first += count
        raise NetvetError(f"{self._source.name}: {split} has no sample {number}; audit the data again")

    def _count(self, shard: Shard) -> int:
        rows = kept_rows(self._source, shard, self._folder)
        return rows if rows is not None else sum(len(chunk) for chunk in self._source.read(shard))


def _sample(chunk: Chunk, place: int) -> Sample:
    inputs = chunk.inputs
    found = {n: c[place] for n, c in inputs.items()} if isinstance(inputs, Mapping) else inputs[place]
    return Sample(found, {name: values[place] for name, values in chunk.attributes.items()})
