"""Arrays of NumPy: `.npy`, and `.npz` with inputs and targets, with splits by the names of its arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Kind, Problem, Shard, role_of
from netvet.data.readers import Wanted

# Samples of a shard and of a chunk: a few megabytes of small images.
SHARD, CHUNK = 20_000, 4_000
TARGETS = ("y", "label", "labels", "target", "targets", "class", "classes")
INPUTS = ("x", "data", "image", "images", "input", "inputs", "features")


@dataclass(frozen=True)
class Pair:
    """Where the arrays of a split lie: a file and their keys (none in `.npy`)."""

    split: str
    path: Path
    inputs: str
    targets: str | None


@dataclass(frozen=True)
class Arrays:
    """A `Source` of arrays [n, ...]."""

    name: str
    pairs: tuple[Pair, ...]
    kind: Kind = "tensor"
    here_only: bool = False

    def shards(self) -> list[Shard]:
        """Equal parts of each split."""
        found: list[Shard] = []
        for pair in self.pairs:
            count, facts = len(_array(pair.path, pair.inputs)), pair.path.stat()
            content = f"{pair.path.absolute()} {facts.st_size} {facts.st_mtime_ns} {pair.inputs} {pair.targets}"
            found += [
                Shard(pair.split, number, first, min(SHARD, count - first), content, pair)
                for number, first in enumerate(range(0, count, SHARD))
            ]
        return found

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """A few thousand samples at a time."""
        inputs = _array(shard.where.path, shard.where.inputs)
        targets = None if shard.where.targets is None else _array(shard.where.path, shard.where.targets)
        end = shard.first + (shard.count or 0)
        for first in range(shard.first, end, CHUNK):
            cut = slice(first, min(first + CHUNK, end))
            keys = [str(i) for i in range(cut.start, cut.stop)]
            yield Chunk(keys, inputs[cut], None if targets is None else _flat(targets[cut]))

    def problems(self) -> Sequence[tuple[str, Problem]]:
        """None: an array is read as a whole, or not at all."""
        return ()


def open_source(wanted: Wanted) -> Arrays:
    """Arrays in one file or one for each split.

    Raises:
        NetvetError: a file cannot be read, or holds no inputs.
    """
    pairs = [pair for split, path in wanted.paths.items() for pair in _pairs(split, path, wanted.target)]
    pairs.sort(key=lambda p: role_of(p.split) != "train")
    return Arrays(", ".join(str(p) for p in wanted.paths.values()), tuple(pairs))


def _pairs(split: str, path: Path, target: str | None) -> list[Pair]:
    if path.suffix.lower() == ".npy":
        _array(path, "")
        return [Pair(split or path.stem, path, "", None)]
    keys = _keys(path)
    found = []
    for key in keys:
        word, of = _parted(key, INPUTS)
        if word is None:
            continue
        aimed = [k for k in keys if (k == target if target else _parted(k, TARGETS) == (True, of))]
        found.append(Pair(split or of or "data", path, key, aimed[0] if aimed else None))
    if not found:
        raise NetvetError(
            f"{path}: no inputs among its arrays ({', '.join(keys)}); expected one named x, or x_train ..."
        )
    return found


def _parted(key: str, words: Sequence[str]) -> tuple[bool | None, str]:
    """Whether a key is one of the words, and the split that it names besides: `x_train`, `train_images`."""
    parts = key.lower().split("_")
    rest = [p for p in parts if p not in words]
    return (True if len(rest) < len(parts) else None), "_".join(rest)


def _keys(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [n.removesuffix(".npy") for n in archive.namelist()]
    except (OSError, zipfile.BadZipFile) as error:
        raise NetvetError(f"{path}: cannot be read as .npz ({error}); expected one of numpy.savez") from error


def _array(path: Path, key: str) -> npt.NDArray[Any]:
    """An array, of `.npy` only mapped; objects are never unpickled."""
    try:
        found = np.load(path, mmap_mode="r" if not key else None, allow_pickle=False)
        array: npt.NDArray[Any] = found[key] if key else found
        len(array)
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise NetvetError(f"{path}{f' [{key}]' if key else ''}: cannot be read ({error}); expected an array") from error
    return array


def _flat(targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Targets [n] or [n, 1] as [n]."""
    return targets.reshape(len(targets), -1)[:, 0] if targets.size == len(targets) else targets
