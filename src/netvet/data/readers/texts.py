"""Plain texts: a file a sample, or a line where there is one file; classes by folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Kind, Problem, Shard, role_of
from netvet.data.readers import Wanted
from netvet.data.readers.csv_ranges import Dialect, Range, ranges

# Files, and bytes of a file of lines, that are read in one go.
FILES, BYTES = 2_000, 4 << 20
# A text longer than this is a book: it is cut off, and said so.
MAX_BYTES = 16 << 20


@dataclass(frozen=True)
class TextFile:
    """A file of a split: a text, or (`lines`) one a line."""

    split: str
    path: Path
    key: str
    label: str | None
    lines: bool


@dataclass(frozen=True)
class Texts:
    """A `Source` of texts in files."""

    name: str
    files: tuple[TextFile, ...]
    kind: Kind = "text"
    here_only: bool = False

    def shards(self) -> list[Shard]:
        """Ranges of the files of lines; some files together where each is a text."""
        found: list[Shard] = []
        splits = dict.fromkeys(f.split for f in self.files)
        for split in splits:
            parts: list[tuple[tuple[TextFile, ...], Range | None]] = []
            whole = [f for f in self.files if f.split == split and not f.lines]
            parts += [(tuple(whole[i : i + FILES]), None) for i in range(0, len(whole), FILES)]
            for file in self.files:
                if file.split == split and file.lines:
                    parts += [((file,), one) for one in _ranges(file.path)]
            for number, (files, part) in enumerate(parts):
                stamps = [(str(f.path.absolute()), f.label, *_stamp(f.path)) for f in files]
                found.append(Shard(split, number, 0, None, f"{stamps} {part}", (files, part)))
        return found

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """The texts of a part."""
        files, part = shard.where
        if part is not None:
            yield _lines(files[0], part)
            return
        keys, texts, labels, problems = [], [], [], []
        for file in files:
            text = _text(file)
            if isinstance(text, Problem):
                problems.append(text)
                continue
            keys.append(file.key)
            texts.append(text)
            labels.append(file.label)
        targets = np.array(labels, dtype=object) if any(f.label is not None for f in files) else None
        yield Chunk(keys, texts, targets, {}, tuple(problems))

    def problems(self) -> Sequence[tuple[str, Problem]]:
        """None before the files are read."""
        return ()


def _stamp(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except OSError:
        return (-1, -1)
    return facts.st_size, facts.st_mtime_ns


def _ranges(path: Path) -> list[Range]:
    return ranges(path, Dialect("", (), 0), BYTES, quoted=False) or [Range(0, 0, 0)]


def _lines(file: TextFile, part: Range) -> Chunk:
    """The lines of a range that are not empty."""
    with file.path.open("rb") as stream:
        stream.seek(part.begin)
        content = stream.read(part.end - part.begin)
    found = [(row, line) for row, line in enumerate(content.split(b"\n"), part.row) if line.strip()]
    keys = [f"{file.key}:{row + 1}" for row, _ in found]
    texts = [line.decode("utf-8", "replace").rstrip("\r") for _, line in found]
    targets = None if file.label is None else np.array([file.label] * len(texts), dtype=object)
    empty = (Problem(file.key, "empty", f"{file.key} holds no text"),) if part.begin == part.end else ()
    return Chunk(keys, texts, targets, {}, empty)


def _text(file: TextFile) -> str | Problem:
    try:
        with file.path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return Problem(file.key, "unreadable", f"{file.key}: cannot be read ({error.strerror})")
    if len(content) > MAX_BYTES:
        return Problem(file.key, "too large", f"{file.key} has more than {MAX_BYTES >> 20} MB, which is no one text")
    if not content.strip():
        return Problem(file.key, "empty", f"{file.key} holds no text")
    if b"\0" in content:
        return Problem(file.key, "no text", f"{file.key} holds zero bytes, so it is no text in UTF-8")
    return content.decode("utf-8", "replace")


def open_source(wanted: Wanted) -> Texts:
    """A folder of texts (in one folder a class, if there are folders), or a file with a text a line.

    Raises:
        NetvetError: there is no text.
    """
    files = [one for split, path in wanted.paths.items() for one in _files(split, path.absolute())]
    if not files:
        raise NetvetError(f"{', '.join(map(str, wanted.paths.values()))}: no .txt file there")
    files.sort(key=lambda f: role_of(f.split) != "train")
    return Texts(", ".join(map(str, wanted.paths.values())), tuple(files))


def _files(split: str, path: Path) -> list[TextFile]:
    if path.is_file():
        return [TextFile(split or path.stem, path, path.name, None, True)]
    inside = sorted(p for p in path.rglob("*.txt") if p.is_file() and not p.is_symlink())
    found = [_file(split, path, one) for one in inside]
    flat = all(f.label is None for f in found)
    # A file for each split and nothing else: texts are its lines.
    if flat and found and all(role_of(f.path.stem) != "other" for f in found):
        return [TextFile(split or f.path.stem, f.path, f.key, None, True) for f in found]
    return found


def _file(split: str, root: Path, path: Path) -> TextFile:
    """Split and class by the folders: `train/pos/1.txt`, `pos/1.txt`."""
    parts = list(path.relative_to(root).parts[:-1])
    named = next((part for part in parts if role_of(part) != "other"), None)
    classes = [part for part in parts if part != named]
    label = classes[0] if classes else None
    return TextFile(named or split or "data", path, str(path.relative_to(root)), label, False)
