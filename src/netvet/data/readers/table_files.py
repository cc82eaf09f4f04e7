"""Files with a table, by their form: parts that can be read apart, a sample to tell the columns by, rows of a part."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from netvet.core import NetvetError
from netvet.data.chunks import Problem
from netvet.data.readers import csv_ranges
from netvet.data.readers.columns import Plan
from netvet.data.readers.csv_ranges import Dialect, Range

if TYPE_CHECKING:
    import pyarrow as pa

# Rows of a part at least, so that small row groups are read together; rows and bytes of a piece that is looked at.
PART, SAMPLE, SAMPLE_BYTES = 100_000, 5_000, 1 << 20
# Pieces of a file that are looked at first: at the beginning, in the middle, at the end.
PIECES = 3

Read = tuple["pa.Table", Sequence[int], Sequence[Problem]]


@dataclass(frozen=True)
class Part:
    """A part of a file: number of its first row, of its rows where that is known, and what its form says of it."""

    row: int
    rows: int | None
    where: Any


class Form(Protocol):
    """A file that is read in one way; pickles."""

    def sample(self) -> list[pa.Table]:
        """Some pieces of successive rows."""

    def parts(self) -> list[Part]:
        """All of it."""

    def read(self, part: Part, plan: Plan) -> Iterator[Read]:
        """Rows of a part, their numbers, and what is wrong with those that are missing."""


def form_of(path: Path) -> Form:
    """How to read a file, by its ending.

    Raises:
        NetvetError: it cannot be read so.
    """
    ending = path.suffix.lower()
    if ending in (".csv", ".tsv"):
        return Csv(path, csv_ranges.dialect_of(path))
    if ending in (".jsonl", ".ndjson"):
        return JsonLines(path)
    if ending in (".parquet", ".pq"):
        _opened(path, "Parquet", _parquet)
        return Parquet(path)
    return Arrow(path, _opened(path, "Arrow", _is_stream))


def _opened(path: Path, name: str, function: Any) -> Any:
    import pyarrow as pa

    try:
        return function(path)
    except (pa.ArrowException, OSError, EOFError) as error:
        told = " ".join(str(error).split())[:200]
        raise NetvetError(f"{path}: cannot be read as {name} ({told})") from error


def _spread(count: int) -> list[int]:
    """First, middle and last of so many."""
    return sorted({i * (count - 1) // max(PIECES - 1, 1) for i in range(PIECES)}) if count else []


@dataclass(frozen=True)
class Csv:
    """Values with separators, cut into ranges of bytes."""

    path: Path
    dialect: Dialect

    def sample(self) -> list[pa.Table]:
        """The beginnings of some ranges."""
        parts = csv_ranges.ranges(self.path, self.dialect)
        begun = csv_ranges.beginnings(self.path, parts, SAMPLE_BYTES, PIECES)
        return [csv_ranges.read_range(self.path, self.dialect, one)[0] for one in begun]

    def parts(self) -> list[Part]:
        """Ranges of bytes; one without rows where there is but a header."""
        found = csv_ranges.ranges(self.path, self.dialect) or [Range(self.dialect.start, self.dialect.start, 0)]
        return [Part(one.row, None, one) for one in found]

    def read(self, part: Part, plan: Plan) -> Iterator[Read]:
        """All rows of a range."""
        import pyarrow as pa

        types = {"number": pa.float64(), "flag": pa.bool_(), "time": pa.timestamp("us"), "word": pa.binary()}
        wanted = {n: types[form] for n, form in plan.forms.items() if n in self.dialect.names}
        table, rows, problems = csv_ranges.read_range(self.path, self.dialect, part.where, wanted)
        yield table, rows, problems


def _parquet(path: Path) -> Any:
    from pyarrow import parquet

    return parquet.ParquetFile(path)


@dataclass(frozen=True)
class Parquet:
    """Row groups of columns."""

    path: Path

    def sample(self) -> list[pa.Table]:
        """The first rows of some row groups."""
        return _opened(self.path, "Parquet", self._sample)  # type: ignore[no-any-return]

    def _sample(self, path: Path) -> list[pa.Table]:
        import pyarrow as pa

        with _parquet(path) as file:
            groups = [file.iter_batches(SAMPLE, row_groups=[g]) for g in _spread(file.metadata.num_row_groups)]
            batches = [batch for batch in (next(g, None) for g in groups) if batch is not None]
            return [pa.Table.from_batches([b]) for b in batches] or [file.schema_arrow.empty_table()]

    def parts(self) -> list[Part]:
        """Row groups, small ones together."""
        with _parquet(self.path) as file:
            counts = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        return _grouped(counts)

    def read(self, part: Part, plan: Plan) -> Iterator[Read]:
        """Some thousand rows at a time."""
        import pyarrow as pa

        with _opened(self.path, "Parquet", _parquet) as file:
            columns = [n for n in plan.forms if n in file.schema_arrow.names]
            row = part.row
            batches = file.iter_batches(SAMPLE * 4, row_groups=list(part.where), columns=columns, use_threads=False)
            for batch in _guarded(self.path, batches):
                yield pa.Table.from_batches([batch]), range(row, row + len(batch)), ()
                row += len(batch)
            if row == part.row:
                yield file.schema_arrow.empty_table().select(columns), range(row, row), ()


def _guarded(path: Path, batches: Iterator[Any]) -> Iterator[Any]:
    """The batches; what is broken is told with its file."""
    while (batch := _opened(path, "a table", lambda _: next(batches, None))) is not None:
        yield batch


def _grouped(counts: Sequence[int]) -> list[Part]:
    """Parts of successive groups that have enough rows."""
    found, group, row, rows = [], [], 0, 0
    for number, count in enumerate(counts):
        group.append(number)
        rows += count
        if rows >= PART or number == len(counts) - 1:
            found.append(Part(row, rows, tuple(group)))
            group, row, rows = [], row + rows, 0
    return found or [Part(0, 0, ())]


def _is_stream(path: Path) -> bool:
    """Whether a file holds a stream of batches (as Hugging Face writes), and no file with a table of contents."""
    from pyarrow import ipc

    with path.open("rb") as file:
        begin = file.read(6)
    if begin == b"ARROW1":
        with ipc.open_file(str(path)):
            return False
    with path.open("rb") as file, ipc.open_stream(file):
        return True


@dataclass(frozen=True)
class Arrow:
    """Record batches, in a file (Feather too) or as a stream, which is read from its beginning."""

    path: Path
    stream: bool

    def sample(self) -> list[pa.Table]:
        """The first rows of some batches."""
        return _opened(self.path, "Arrow", self._sample)  # type: ignore[no-any-return]

    def _sample(self, path: Path) -> list[pa.Table]:
        import pyarrow as pa
        from pyarrow import ipc

        if self.stream:
            with path.open("rb") as file, ipc.open_stream(file) as reader:
                batches = [b for b in (next(iter(reader), None),) if b is not None]
                schema = reader.schema
        else:
            with ipc.open_file(str(path)) as reader:
                batches = [reader.get_batch(i) for i in _spread(reader.num_record_batches)]
                schema = reader.schema
        return [pa.Table.from_batches([b.slice(0, SAMPLE)]) for b in batches] or [schema.empty_table()]

    def parts(self) -> list[Part]:
        """Batches, small ones together; a stream is one part."""
        from pyarrow import ipc

        if self.stream:
            return [Part(0, None, None)]
        with ipc.open_file(str(self.path)) as reader:
            return _grouped([reader.get_batch(i).num_rows for i in range(reader.num_record_batches)])

    def read(self, part: Part, plan: Plan) -> Iterator[Read]:
        """A batch at a time."""
        import pyarrow as pa
        from pyarrow import ipc

        row = part.row
        with self.path.open("rb") as file:
            reader = _opened(self.path, "Arrow", lambda _: (ipc.open_stream if self.stream else ipc.open_file)(file))
            names = [n for n in plan.forms if n in reader.schema.names]
            batches = iter(reader) if self.stream else (reader.get_batch(i) for i in part.where)
            for batch in _guarded(self.path, batches):
                yield pa.Table.from_batches([batch]).select(names), range(row, row + len(batch)), ()
                row += len(batch)
            if row == part.row:
                yield reader.schema.empty_table().select(names), range(row, row), ()


@dataclass(frozen=True)
class JsonLines:
    """An object a line, cut into ranges of bytes."""

    path: Path

    def sample(self) -> list[pa.Table]:
        """The beginnings of some ranges."""
        begun = csv_ranges.beginnings(self.path, self._ranges(), SAMPLE_BYTES, PIECES)
        return [_table(self._objects(one)[0]) for one in begun]

    def _ranges(self) -> list[Range]:
        if not self.path.stat().st_size:
            raise NetvetError(f"{self.path}: is empty; expected a JSON object a line")
        return csv_ranges.ranges(self.path, Dialect("", (), 0), quoted=False)

    def parts(self) -> list[Part]:
        """Ranges of bytes."""
        return [Part(one.row, None, one) for one in self._ranges()]

    def read(self, part: Part, plan: Plan) -> Iterator[Read]:
        """All lines of a range; those that are no JSON object are problems."""
        objects, rows, problems = self._objects(part.where)
        kept = [{n: one.get(n) for n in plan.forms} for one in objects]
        whole = not problems and rows == list(range(part.row, part.row + len(rows)))
        yield _table(kept, plan.forms), range(part.row, part.row + len(rows)) if whole else rows, problems

    def _objects(self, part: Range) -> tuple[list[dict[str, Any]], list[int], list[Problem]]:
        with self.path.open("rb") as file:
            file.seek(part.begin)
            lines = file.read(part.end - part.begin).split(b"\n")
        objects, rows, problems = [], [], []
        for row, line in enumerate(lines, part.row):
            if not line.strip():
                continue
            try:
                one = json.loads(line)
                if not isinstance(one, dict):
                    raise ValueError("no object")
            except (ValueError, RecursionError) as error:
                problems.append(Problem(str(row), "broken row", f"line {row + 1} is no JSON object ({error})"))
                continue
            objects.append(one)
            rows.append(row)
        return objects, rows, problems


def _table(objects: Sequence[Mapping[str, Any]], names: Sequence[str] | Mapping[str, Any] | None = None) -> pa.Table:
    """Objects as a table; what is nested stays so, and a column of several types holds strings."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for name in names if names is not None else dict.fromkeys(name for one in objects for name in one):
        values = [one.get(name) for one in objects]
        kinds = {type(v) for v in values} - {type(None)}
        if kinds <= {int, float}:
            columns[name] = pa.array([None if v is None else float(v) for v in values], pa.float64())
        elif kinds & {dict, list}:
            columns[name] = pa.array([None if v is None else [str(v)] for v in values])
        elif kinds == {bool}:
            columns[name] = pa.array(values)
        else:
            texts = [None if v is None else str(v) for v in values]
            safe = [t if t is None or t.isascii() else t.encode("utf-8", "backslashreplace").decode() for t in texts]
            columns[name] = pa.array(safe, pa.string())
    return pa.table(columns)
