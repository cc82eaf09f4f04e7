"""Tokens: successive numbers of a vocabulary in a file, `.bin` of 16 or 32 bits (as nanoGPT writes) or `.npy`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Kind, Numbered, Problem, Shard, role_of
from netvet.data.readers import Wanted

# Tokens of a sample: files hold no lengths; nanoGPT trains on windows of 256 (characters) to 1,024 (words).
WINDOW = 256
# Windows of a shard and of a chunk.
SHARD, CHUNK = 40_000, 8_000


@dataclass(frozen=True)
class TokenFile:
    """A file of a split; `dtype` is empty where the file says it."""

    split: str
    path: Path
    dtype: str


@dataclass(frozen=True)
class Tokens:
    """A `Source` of windows of tokens; the last one of a file may be shorter."""

    name: str
    files: tuple[TokenFile, ...]
    kind: Kind = "tokens"
    here_only: bool = False

    def shards(self) -> list[Shard]:
        """Equal parts of each file."""
        found: list[Shard] = []
        for file in self.files:
            windows, facts = -(-len(_mapped(file)) // WINDOW), file.path.stat()
            content = f"{file.path.absolute()} {facts.st_size} {facts.st_mtime_ns} {file.dtype} {WINDOW}"
            for number, first in enumerate(range(0, windows, SHARD)):
                found.append(Shard(file.split, number, first, min(SHARD, windows - first), content, file))
        return found

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Some thousand windows at a time, the shorter one by itself."""
        tokens, end = _mapped(shard.where), shard.first + (shard.count or 0)
        full = len(tokens) // WINDOW
        for first in range(shard.first, min(end, full), CHUNK):
            last = min(first + CHUNK, end, full)
            yield Chunk(Numbered(range(first, last)), tokens[first * WINDOW : last * WINDOW].reshape(-1, WINDOW))
        if full < end:
            yield Chunk(Numbered(range(full, end)), tokens[full * WINDOW :].reshape(1, -1))

    def problems(self) -> Sequence[tuple[str, Problem]]:
        """Bytes after the last token."""
        odd = [f for f in self.files if f.dtype and f.path.stat().st_size % np.dtype(f.dtype).itemsize]
        told = "its size is no multiple of that of a token: it was cut off, or its tokens have another size"
        return [(f.split, Problem(f.path.name, "truncated", f"{f.path.name}: {told}")) for f in odd]


def _mapped(file: TokenFile) -> npt.NDArray[np.integer]:
    try:
        if not file.dtype:
            found = np.load(file.path, mmap_mode="r", allow_pickle=False)
        else:
            size = np.dtype(file.dtype).itemsize
            count = file.path.stat().st_size // size
            found = np.memmap(file.path, dtype=file.dtype, mode="r", shape=(count,)) if count else np.zeros(0, int)
    except (OSError, ValueError, EOFError) as error:
        raise NetvetError(f"{file.path}: cannot be read ({error}); expected tokens") from error
    if found.ndim != 1 or found.dtype.kind not in "iu" or not len(found):
        what = f"{found.dtype} {list(found.shape)}"
        raise NetvetError(f"{file.path}: holds {what}; expected tokens, which are whole numbers [n]")
    tokens: npt.NDArray[np.integer] = found
    return tokens


def is_tokens(path: Path) -> bool:
    """Whether an array file holds one long row of whole numbers."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return False
    return found.ndim == 1 and found.dtype.kind in "iu" and len(found) >= WINDOW


def open_source(wanted: Wanted) -> Tokens:
    """A file for each split, or a folder with one for each.

    Raises:
        NetvetError: a file cannot be read, or holds no tokens.
    """
    files = []
    for split, path in wanted.paths.items():
        inside = sorted(path.glob("*.bin")) if path.is_dir() else [path]
        files += [TokenFile(split or one.stem, one.absolute(), _dtype(one)) for one in inside]
    if not files:
        raise NetvetError(f"{', '.join(map(str, wanted.paths.values()))}: no .bin file there")
    for file in files:
        _mapped(file)
    files.sort(key=lambda f: role_of(f.split) != "train")
    return Tokens(", ".join(map(str, wanted.paths.values())), tuple(files))


def _dtype(path: Path) -> str:
    """16 or 32 bits: upper halves of 32 bits are 0 or far smaller than the lower ones, of 16 bits they are alike."""
    if path.suffix.lower() == ".npy":
        return ""
    with path.open("rb") as file:
        content = file.read(1 << 20)
    halves = np.frombuffer(content[: len(content) // 4 * 4], dtype="<u2")
    lower, upper = (int(half.max()) if len(half) else 0 for half in (halves[::2], halves[1::2]))
    return "<u4" if lower > 64 * upper else "<u2"
