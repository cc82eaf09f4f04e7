"""One pass over all shards of the data, here or by workers; what each has left is kept, so that a scan can go on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError
from netvet.data import shard_file
from netvet.data.chunks import Problem, Shard, Source
from netvet.data.describe import describe, fingerprints
from netvet.data.index import Rows, joined
from netvet.data.sketches import Sketches, all_merged, sketched
from netvet.data.summaries import Moments

# Makes calls of a function, anywhere; gives number and result of each as they end, an exception in place of a result.
Calls = Callable[[list[tuple[Any, ...]], Callable[..., Any]], Iterator[tuple[int, Any]]]


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a shard has left.

    Args:
        rows: of its samples.
        moments: of their features.
        sketches: of their columns or attributes.
    """

    rows: Rows
    moments: Moments
    sketches: Sketches


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is: shards and samples done, shards in all, seconds since the begin."""

    done: int
    shards: int
    samples: int
    seconds: float

    @property
    def line(self) -> str:
        """For a person: how far, how fast, how long still."""
        rate = self.samples / self.seconds if self.seconds > 0 else 0.0
        left = self.seconds / self.done * (self.shards - self.done) if self.done else 0.0
        return f"{self.samples:,} samples, {rate:,.0f} a second, {self.done} of {self.shards} shards, {left:.0f} s left"


def scan_shard(source: Source, shard: Shard) -> Scanned:
    """Read a shard and keep one row a sample."""
    parts: list[Rows] = []
    sketches: list[Sketches] = []
    place = 0
    for chunk in source.read(shard):
        parts.append(describe(source.kind, chunk))
        if len(chunk) or not sketches:
            sketches.append(sketched(source.kind, chunk, parts[-1], _order(shard, place, len(chunk))))
        place += len(chunk)
    if not parts:
        raise NetvetError(f"{source.name}: {shard.split} has a part without samples or problems (shard {shard.number})")
    rows = joined(parts)
    return Scanned(rows, Moments.of(rows.features), all_merged(sketches))


def _order(shard: Shard, first: int, count: int) -> npt.NDArray[np.uint64]:
    """A hash of the place of each sample, by which some are drawn that stand for all."""
    places = np.arange(first, first + count, dtype=np.uint64)
    return fingerprints.of_words(np.stack([np.full(count, shard.number, np.uint64), places], 1))


def here(calls: list[tuple[Any, ...]], function: Callable[..., Any]) -> Iterator[tuple[int, Any]]:
    """The calls one after the other in this process; `Calls` of a scan without workers."""
    yield from ((number, function(*arguments)) for number, arguments in enumerate(calls))


def scan(
    source: Source,
    calls: Calls = here,
    *,
    folder: Path | None = None,
    tell: Callable[[Progress], None] = lambda _: None,
) -> tuple[dict[str, Rows], dict[str, Moments], dict[str, Sketches]]:
    """Scan all shards; equal for every number and kind of workers, as parts are joined in the order of the shards.

    Args:
        calls: where shards are read; a source that is `here_only` is read in this process.
        folder: where what each shard has left is kept and looked for; None to keep nothing.

    Raises:
        NetvetError: the source cannot be read.
    """
    shards = source.shards()
    if not shards:
        raise NetvetError(f"{source.name} holds no samples that can be read")
    began, found = perf_counter(), dict[int, Scanned]()
    samples = 0
    for number, one in _scanned(source, shards, here if source.here_only else calls, folder):
        found[number] = one
        samples += len(one.rows)
        tell(Progress(len(found), len(shards), samples, perf_counter() - began))
    parts: dict[str, list[Scanned]] = {}
    for number, shard in enumerate(shards):
        parts.setdefault(shard.split, []).append(found[number])
    rows = {name: joined([p.rows for p in of]) for name, of in parts.items()}
    moments = {name: reduce(Moments.merged, [p.moments for p in _full(of)]) for name, of in parts.items()}
    return rows, moments, {name: all_merged([p.sketches for p in _full(of)]) for name, of in parts.items()}


def _full(parts: Sequence[Scanned]) -> Sequence[Scanned]:
    return [p for p in parts if len(p.rows)] or parts[:1]


def _scanned(
    source: Source, shards: Sequence[Shard], calls: Calls, folder: Path | None
) -> Iterator[tuple[int, Scanned]]:
    """Number and leavings of each shard, as they come: first what an earlier scan has kept."""
    left = []
    for number, shard in enumerate(shards):
        kept = shard_file.load(_file(source, shard, folder)) if folder is not None else None
        if kept is None:
            left.append(number)
        else:
            yield number, Scanned(*kept)
    for position, result in calls([(source, shards[n]) for n in left], scan_shard):
        if isinstance(result, BaseException):
            raise result
        number = left[position]
        if folder is not None:
            shard_file.save(_file(source, shards[number], folder), result.rows, result.moments, result.sketches)
        yield number, result


def _file(source: Source, shard: Shard, folder: Path) -> Path:
    content = "\n".join((source.kind, source.name, shard.split, str(shard.first), str(shard.count), shard.content))
    return folder / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.npz"


def kept_rows(source: Source, shard: Shard, folder: Path | None) -> int | None:
    """Samples of a shard, where an audit has left what it read; else None."""
    kept = shard_file.load(_file(source, shard, folder)) if folder is not None else None
    return None if kept is None else len(kept[0])


def problems_of(source: Source) -> Mapping[str, list[Problem]]:
    """What is wrong before any sample is read, by split."""
    found: dict[str, list[Problem]] = {}
    for split, problem in source.problems():
        found.setdefault(split, []).append(problem)
    return found
