"""CSV and TSV: Lightning's and Keras's loggers, exports of TensorBoard and W&B, and any other with a head."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TextIO

from netvet.capture.logs.lines import lines
from netvet.capture.logs.table import MAX_NAME, Rows, Table, UnreadableLog, number

FORM, WIDE = "CSV", "CSV export of W&B"
_DELIMITERS = ",\t;|"
_EXTREMES = ("__MIN", "__MAX")
_BETWEEN = " - "
# The CSV of TensorBoard's page, whose file name holds the tag.
_TENSORBOARD = ["wall time", "step", "value"]


def read(stream: TextIO, name: str, path: str) -> list[Table]:
    """The runs of a table: one, or several where its columns are called `run - metric`.

    Raises:
        UnreadableLog: it has no head, or no numbers under it.
    """
    said = Rows()
    source = lines(stream, said)
    first = next((line for line in source if line.strip()), None)
    if first is None:
        raise UnreadableLog("empty")
    delimiter = delimiter_of(first)
    head = _head(first, delimiter)
    if sum(1 for cell in head if number(cell) is None and cell) < 1 or len(head) < 2:
        raise UnreadableLog("a table without a head: its first line names no columns")
    groups = _groups(head, name, path)
    collected = {run: Rows() for run in groups}
    bad = 0
    for row in _rows(source, delimiter):
        if len(row) != len(head):
            bad += 1
            if len(row) < len(head):
                row = [*row, *[""] * (len(head) - len(row))]
        for run, columns in groups.items():
            found = [(label, value) for i, label in columns if (value := _number(row[i], delimiter)) is not None]
            if found and not (len(groups) > 1 and len(found) == 1 and found[0][0] in ("Step", "step")):
                collected[run].add(found)
    if not any(rows.count for rows in collected.values()):
        raise UnreadableLog("a table without numbers under its head")
    for rows in collected.values():
        rows.problems += said.problems
        if bad:
            rows.say(f"{bad:,} lines have not the {len(head)} cells of the head")
    form = WIDE if len(groups) > 1 or any(_BETWEEN in cell for cell in head) else FORM
    return [rows.table(run, path, form) for run, rows in collected.items() if rows.count]


def delimiter_of(line: str) -> str:
    """What stands between the cells of a head."""
    return max(_DELIMITERS, key=line.count)


def _head(line: str, delimiter: str) -> list[str]:
    return [cell.strip()[:MAX_NAME] for cell in next(csv.reader([line], delimiter=delimiter), [])]


def _rows(source: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(source, delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if any(row):
            yield row


def _number(cell: str, delimiter: str) -> float | None:
    value = number(cell)
    if value is None and delimiter == ";" and cell.count(",") == 1:
        return number(cell.replace(",", "."))  # a decimal comma
    return value


def _groups(head: Sequence[str], name: str, path: str) -> dict[str, list[tuple[int, str]]]:
    """Columns of each run: place and name."""
    if [cell.lower() for cell in head] == _TENSORBOARD:
        tag = name.partition("-tag-")[2] or name
        return {name.partition("-tag-")[0]: [(1, "step"), (2, tag)]}
    kept = [(i, cell) for i, cell in enumerate(head) if cell and not cell.endswith(_EXTREMES)]
    if not any(_BETWEEN in cell for _, cell in kept):
        return {name: kept}
    shared = [(i, cell) for i, cell in kept if _BETWEEN not in cell]
    found: dict[str, list[tuple[int, str]]] = {}
    for i, cell in kept:
        run, between, metric = cell.rpartition(_BETWEEN)
        if between:
            found.setdefault(run, list(shared)).append((i, metric))
    return found
