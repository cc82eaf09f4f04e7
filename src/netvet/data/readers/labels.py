"""A CSV with the name and the label of each file, and perhaps more about it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from netvet.core import NetvetError
from netvet.data.readers.arrays import TARGETS
from netvet.data.readers.walk import printable

SPLITS = ("split", "subset", "partition", "fold", "set")
# Delimiters that the csv module may choose from; bytes that it looks at.
_DELIMITERS, _SAMPLE = ",;\t|", 64 * 1024


@dataclass(frozen=True)
class Labels:
    """What a CSV says of files.

    Attributes:
        file: where it lies.
        rows: by path, name or stem of a file as the CSV has it: label and further columns by their names.
        split: name of the column with splits, if there is one.
    """

    file: Path
    rows: Mapping[str, tuple[Any, Mapping[str, float | str]]]
    split: str | None = None

    def of(self, path: str) -> str | None:
        """The name under which a file is listed: its path or the end of that, with or without the ending."""
        parts = PurePath(path).parts
        for first in range(len(parts)):
            whole = "/".join(parts[first:])
            for name in (whole, whole.removesuffix(PurePath(path).suffix)):
                if name in self.rows:
                    return name
        return None


def read_labels(file: Path, paths: Sequence[str], target: str | None) -> Labels:
    """Read the CSV.

    Args:
        paths: of the files below their root; the column that has most of them names the files.
        target: the column with the label; None to know it by its name, or as the only other one.

    Raises:
        NetvetError: it cannot be read, or has no such columns.
    """
    table = _table(file)
    known = {name for path in paths for name in _names(path)}
    width = max(map(len, table))
    # Different names: a class 3 is not the file 3.png.
    hits = [len({_clean(row[c]) for row in table if c < len(row)} & known) for c in range(width)]
    if not max(hits):
        raise NetvetError(f"{file}: no column names any of the {len(paths):,} files; expected their names or paths")
    at = hits.index(max(hits))
    headed = _clean(table[0][at]) not in known if at < len(table[0]) else True
    header = [c.strip() for c in table[0]] if headed else [f"column {c}" for c in range(width)]
    body = [row for row in (table[1:] if headed else table) if len(row) > at]
    aim = _label(file, header, at, target)
    columns = {c: _typed([row[c] if c < len(row) else "" for row in body]) for c in range(len(header)) if c != at}
    rest = {c: header[c] for c in columns if c != aim}
    rows = {
        _clean(row[at]): (columns[aim][i], {name: columns[c][i] for c, name in rest.items()})
        for i, row in enumerate(body)
    }
    return Labels(file, rows, next((name for name in rest.values() if name.lower() in SPLITS), None))


def _table(file: Path) -> list[list[str]]:
    try:
        text = file.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise NetvetError(f"{file}: cannot be read ({error.strerror}); expected a CSV with labels of files") from error
    text = text.replace("\0", "")
    try:
        dialect: Any = csv.Sniffer().sniff(text[:_SAMPLE], delimiters=_DELIMITERS)
    except csv.Error:
        dialect = csv.excel
    try:
        table = [row for row in csv.reader(text.splitlines(), dialect) if row]
    except csv.Error as error:
        raise NetvetError(f"{file}: cannot be read as CSV ({error}); expected the label of each file") from error
    if not table or max(map(len, table)) < 2:
        raise NetvetError(f"{file}: has less than two columns; expected one with the file and one with its label")
    return table


def _label(file: Path, header: Sequence[str], at: int, target: str | None) -> int:
    """Number of the column with the label."""
    lower = [name.lower() for name in header]
    if target is not None:
        if target not in header:
            raise NetvetError(f"{file}: no column {target!r} among {', '.join(header)}; give one of them as --target")
        return header.index(target)
    named = [lower.index(word) for word in TARGETS if word in lower and lower.index(word) != at]
    others = [c for c in range(len(header)) if c != at]
    if named or len(others) == 1:
        return (named or others)[0]
    raise NetvetError(f"{file}: which column is the label? Give --target with one of {', '.join(header)}")


def _names(path: str) -> Iterable[str]:
    """Under which a file may be listed: all ends of its path, with and without the ending."""
    parts = PurePath(path).parts
    for first in range(len(parts)):
        whole = "/".join(parts[first:])
        yield whole
        yield whole.removesuffix(PurePath(path).suffix)


def _clean(cell: str) -> str:
    return cell.strip().replace("\\", "/").removeprefix("./").lstrip("/")


def _typed(cells: Sequence[str]) -> list[Any]:
    """A column as whole numbers, numbers or strings, the same for all of its cells; None for empty ones."""
    for kind in (int, float):
        try:
            return [kind(cell) if cell.strip() else None for cell in cells]
        except ValueError:
            continue
    return [printable(cell.strip()) or None for cell in cells]
