"""Tables in files: CSV and TSV, Parquet, Arrow and Feather, JSON lines; one file or a folder of them for each split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Kind, Numbered, Problem, Shard, role_of
from netvet.data.readers import Wanted
from netvet.data.readers.columns import Plan, chunk_of, plan_of
from netvet.data.readers.table_files import Form, form_of

if TYPE_CHECKING:
    import pyarrow as pa

# Rows of a chunk: some megabytes.
CHUNK = 20_000
ENDINGS = (".csv", ".tsv", ".parquet", ".pq", ".arrow", ".feather", ".ipc", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class File:
    """A file of a split.

    Args:
        split, path: which.
        key: its name below the folder that the user named; empty where the user named the file.
        form: how it is read.
    """

    split: str
    path: Path
    key: str
    form: Form


@dataclass(frozen=True)
class Tables:
    """A `Source` of the rows of tables."""

    name: str
    files: tuple[File, ...]
    plan: Plan
    broken: tuple[tuple[str, Problem], ...] = ()
    here_only: bool = False

    @property
    def kind(self) -> Kind:
        """Rows, or the texts in one of their columns."""
        return self.plan.kind

    def shards(self) -> list[Shard]:
        """Row groups, batches or ranges of bytes of each file."""
        found: list[Shard] = []
        numbers: dict[str, int] = {}
        plan = repr(self.plan)
        for file in self.files:
            facts = file.path.stat()
            content = f"{file.path.absolute()} {facts.st_size} {facts.st_mtime_ns} {plan}"
            for part in file.form.parts():
                number = numbers[file.split] = numbers.get(file.split, -1) + 1
                found.append(Shard(file.split, number, part.row, part.rows, f"{content} {part}", (file, part)))
        return found

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """The rows of a part."""
        file, part = shard.where
        for table, rows, problems in file.form.read(part, self.plan):
            for first in range(0, max(len(table), 1), CHUNK):
                piece = table.slice(first, CHUNK)
                yield _keyed(file.key, piece, self.plan, rows[first : first + CHUNK], problems if first == 0 else ())

    def problems(self) -> Sequence[tuple[str, Problem]]:
        """Files that cannot be read."""
        return self.broken


def _keyed(key: str, table: pa.Table, plan: Plan, rows: Sequence[int], problems: Sequence[Problem]) -> Chunk:
    """The chunk of successive rows, which are named by their number, and by their file where there are several."""
    whole = isinstance(rows, range) and not key
    keys = Numbered(rows) if whole else [f"{key}:{row}" if key else str(row) for row in rows]  # type: ignore[arg-type]
    chunk = chunk_of(table, plan, keys)
    if not problems:
        return chunk
    named = [Problem(f"{key}:{p.key}" if key else p.key, p.what, p.message) for p in problems]
    return Chunk(chunk.keys, chunk.inputs, chunk.targets, chunk.attributes, (*named, *chunk.problems))


def open_source(wanted: Wanted) -> Tables:
    """Tables in one file or folder, or one for each split.

    Raises:
        NetvetError: pyarrow is missing, a file or all of a folder cannot be read, or a column is not there.
    """
    require_arrow()
    files: list[File] = []
    broken: list[tuple[str, Problem]] = []
    for split, path in wanted.paths.items():
        found, wrong = _files(split or (path.stem if path.is_file() else "data"), path.absolute())
        files += found
        broken += wrong
    files.sort(key=lambda f: role_of(f.split) != "train")
    samples: list[Any] = []
    kept = []
    for file in files:
        try:
            samples += file.form.sample()
            kept.append(file)
        except NetvetError as error:
            if not file.key:
                raise
            broken.append((file.split, Problem(file.key, "unreadable", str(error))))
    if not kept:
        raise NetvetError(broken[0][1].message if broken else "no table in these files")
    return Tables(", ".join(map(str, wanted.paths.values())), tuple(kept), plan_of(samples, wanted), tuple(broken))


def require_arrow() -> None:
    """Ask for pyarrow before anything needs it.

    Raises:
        NetvetError: it is not installed.
    """
    if find_spec("pyarrow") is None:
        raise NetvetError("tables and texts are read by pyarrow, which is not installed: pip install 'netvet[data]'")


def _files(split: str, path: Path) -> tuple[list[File], list[tuple[str, Problem]]]:
    """The file, or those of a folder, whose subfolders are splits where their names are (`train/`, `test/`)."""
    if path.is_file():
        return [File(split, path, "", form_of(path))], []
    inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith((".", "_")))
    files, broken = [], []
    for one in inside:
        if one.suffix.lower() not in ENDINGS:
            continue
        key = str(one.relative_to(path))
        name = _split_of(Path(key)) or split
        try:
            files.append(File(name, one, key, form_of(one)))
        except NetvetError as error:
            broken.append((name, Problem(key, "unreadable", str(error))))
    return files, broken


def _split_of(path: Path) -> str | None:
    """The split that the path names: its first folder, or the file's own name (`train-00000-of-00002.parquet`)."""
    words = [*path.parts[:-1], path.stem.partition("-")[0].partition(".")[0]]
    return next((word for word in words if role_of(word) != "other"), None)
