"""A CSV file cut into ranges of bytes that can be read apart: rows stay whole, also with line breaks in a value."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError
from netvet.data.chunks import Problem

if TYPE_CHECKING:
    import pyarrow as pa

# Bytes of a range: about 100,000 short rows; and of the beginning by which a file is understood.
RANGE, HEAD = 8 << 20, 1 << 20
SEPARATORS = (",", "\t", ";", "|")
# Empty, and what programs write for a missing value ("?": the UCI repository).
MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?", "#N/A", "-nan", "n/a"]


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    Args:
        separator: between two values.
        names: of the columns, each one different.
        start: byte at which the rows begin.
    """

    separator: str
    names: tuple[str, ...]
    start: int


@dataclass(frozen=True)
class Range:
    """Bytes [begin, end) of a file, and the number of the first row in them."""

    begin: int
    end: int
    row: int


def dialect_of(path: Path) -> Dialect:
    """How a file is written, by its beginning.

    Raises:
        NetvetError: it cannot be read, or is no CSV.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise NetvetError(f"{path}: cannot be read ({error.strerror})") from error
    if not head.strip():
        raise NetvetError(f"{path}: is empty; expected a table with a header")
    if b"\0" in head:
        raise NetvetError(f"{path}: holds zero bytes (UTF-16, or no text at all); expected CSV in UTF-8")
    bom = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    text = head[bom:].decode("utf-8", "replace")
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
    try:
        first = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except (csv.Error, StopIteration) as error:
        raise NetvetError(f"{path}: its first line is none of a CSV file ({error})") from error
    if all(_is_number(cell) for cell in first):
        return Dialect(separator, tuple(f"column {i}" for i in range(len(first))), bom)
    return Dialect(separator, _different(first), _row_end(head, bom))


def _separator(text: str) -> str:
    """The one that cuts the first rows into most columns, equally many in each."""
    best, columns = ",", 1
    for one in SEPARATORS:
        try:
            rows = [
                r for _, r in zip(range(20), csv.reader(io.StringIO(text, newline=""), delimiter=one), strict=False)
            ]
        except csv.Error:
            continue
        widths = [len(r) for r in rows if r]
        if widths and widths[0] > columns and sum(w == widths[0] for w in widths) >= 0.8 * (len(widths) - 1):
            best, columns = one, widths[0]
    return best


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _different(names: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for name in names:
        count = 1
        fresh = name
        while fresh in found:
            fresh, count = f"{name}.{count}", count + 1
        found.append(fresh)
    return tuple(found)


def _row_end(block: bytes, begin: int, *, inside: bool = False) -> int:
    """Where the first line ends that is not within quotation marks; the end of the block where none does."""
    at = begin
    while (end := block.find(b"\n", at)) >= 0:
        inside ^= bool(block.count(b'"', at, end) % 2)
        if not inside:
            return end + 1
        at = end + 1
    return len(block)


def ranges(path: Path, dialect: Dialect, size: int = 0, *, quoted: bool = True) -> list[Range]:
    """Parts of about a size in bytes (that of RANGE).

    Quotation marks are counted from the beginning, as only those tell which line breaks end a row. Where their number
    is odd, one stands for itself (5" disks), and every line break is taken for the end of a row.
    """
    found = _ranges(path, dialect, size or RANGE, quoted=quoted)
    return found if found is not None else _ranges(path, dialect, size or RANGE, quoted=False) or []


def beginnings(path: Path, parts: Sequence[Range], size: int, count: int) -> list[Range]:
    """Whole rows from the begins of the first, the last and some ranges between, each of at most a size in bytes."""
    chosen = sorted({i * (len(parts) - 1) // max(count - 1, 1) for i in range(count)}) if parts else []
    return [_beginning(path, Range(parts[i].begin, parts[-1].end, parts[i].row), size) for i in chosen]


def _beginning(path: Path, part: Range, size: int) -> Range:
    if part.end - part.begin <= size:
        return part
    with path.open("rb") as file:
        file.seek(part.begin)
        block = file.read(size)
    end = block.rfind(b"\n")
    while end > 0 and block.count(b'"', 0, end) % 2:
        end = block.rfind(b"\n", 0, end)
    return Range(part.begin, part.begin + end + 1, part.row) if end > 0 else part


def _ranges(path: Path, dialect: Dialect, size: int, *, quoted: bool) -> list[Range] | None:
    cuts, rows, inside = [dialect.start], [0], False
    count, position = 0, dialect.start
    with path.open("rb") as file:
        file.seek(position)
        while block := file.read(size):
            if position > dialect.start:
                end = _row_end(block, 0, inside=inside) if quoted else block.find(b"\n") + 1 or len(block)
                if end < len(block):
                    cuts.append(position + end)
                    rows.append(count + (_rows(block[:end], inside)[0] if quoted else 1))
            more, odd = _rows(block, inside) if quoted else (block.count(b"\n"), False)
            count, inside, position = count + more, inside ^ odd, position + len(block)
    if inside:
        return None
    return [Range(a, b, row) for a, b, row in zip(cuts, [*cuts[1:], position], rows, strict=True) if b > a]


def _rows(block: bytes, inside: bool) -> tuple[int, bool]:
    """Line breaks out of quotation marks, and whether the number of those is odd."""
    pieces = block.split(b'"')
    return sum(piece.count(b"\n") for piece in pieces[inside::2]), len(pieces) % 2 == 0


def read_range(
    path: Path, dialect: Dialect, part: Range, types: dict[str, Any] | None = None
) -> tuple[pa.Table, Sequence[int], list[Problem]]:
    """The rows of a range, a number for each, and the rows that have too many or too few values.

    Args:
        path, dialect, part: what to read.
        types: of the columns to read; None: of all, told from the values. Strings where a value does not fit.

    Raises:
        NetvetError: the file cannot be read any more.
    """
    import pyarrow as pa

    try:
        with path.open("rb") as file:
            file.seek(part.begin)
            content = file.read(part.end - part.begin)
    except OSError as error:
        raise NetvetError(f"{path}: cannot be read ({error.strerror})") from error
    if not content.strip():
        return pa.table({name: pa.array([], pa.string()) for name in dialect.names}), range(0), []
    try:
        found, wrong = _parsed(content, dialect, types)
    except pa.ArrowInvalid:  # a value does not fit
        try:
            found, wrong = _parsed(content, dialect, dict.fromkeys(types or dialect.names, pa.binary()))
        except pa.ArrowException as error:
            raise NetvetError(f"{path}: cannot be read as CSV ({error})") from error
    every = range(part.row, part.row + len(found) + len(wrong))
    problems = [Problem(str(part.row + row), "broken row", f"row {part.row + row}: {t}") for row, t in wrong.items()]
    return _decoded(found), [n for n in every if n - part.row not in wrong] if wrong else every, problems


def _parsed(content: bytes, dialect: Dialect, types: dict[str, Any] | None) -> tuple[pa.Table, dict[int, str]]:
    """The rows, and what is wrong with those that are left out, by their number."""
    import pyarrow as pa
    from pyarrow import csv as reader

    wrong: dict[int, str] = {}

    def skip(row: Any) -> str:
        wrong[(row.number or 1) - 1] = f"{row.actual_columns} values where {row.expected_columns} are expected"
        return "skip"

    names = list(dialect.names)
    found = reader.read_csv(
        pa.BufferReader(content),
        read_options=reader.ReadOptions(column_names=names, use_threads=False, block_size=len(content)),
        parse_options=reader.ParseOptions(
            delimiter=dialect.separator, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=reader.ConvertOptions(
            column_types=types, include_columns=list(types or ()), null_values=MISSING, strings_can_be_null=True
        ),
    )
    return found, wrong


def _decoded(table: pa.Table) -> pa.Table:
    """Bytes as strings; those that are no UTF-8 stand as escapes."""
    import pyarrow as pa

    for position, field in enumerate(table.schema):
        if pa.types.is_binary(field.type):
            texts = [
                None if v is None else v.decode("utf-8", "backslashreplace") for v in table[field.name].to_pylist()
            ]
            table = table.set_column(position, field.name, pa.array(texts, pa.string()))
    return table
