"""CSV: a table of values (signal, key, step, value, stands_for) and one of findings."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from netvet.export.content import Content

VALUES = ("run", "signal", "key", "step", "value", "stands_for")
FINDINGS = (
    "run", "check", "kind", "severity", "message", "where", "step", "value", "limit", "file", "line", "allowed",
)  # fmt: skip


def export(content: Content, output: str | None, stream: TextIO) -> str | None:
    """Write `values.csv` and `findings.csv` into a folder; only the values to a file `*.csv` or to the stream."""
    if output is None or output == "-":
        _write(stream, VALUES, values_of(content))
        return None
    path = Path(output)
    if path.suffix.lower() == ".csv":
        _write_file(path, VALUES, values_of(content))
        return str(path)
    path.mkdir(parents=True, exist_ok=True)
    _write_file(path / "values.csv", VALUES, values_of(content))
    _write_file(path / "findings.csv", FINDINGS, findings_of(content))
    return f"{path / 'values.csv'} and {path / 'findings.csv'}"


def values_of(content: Content) -> Iterator[Sequence[Any]]:
    """A row for each value; `stands_for`: how many recorded values it is what the store has left of."""
    for curve in content.curves:
        series = curve.series
        counts = series.stands_for.tolist() if series.stands_for is not None else [1] * len(series)
        for step, value, count in zip(series.steps.tolist(), series.values.tolist(), counts, strict=True):
            yield content.name, curve.signal, curve.key, step, value, count


def findings_of(content: Content) -> Iterator[Sequence[Any]]:
    """A row for each finding."""
    for one in content.view["findings"]:
        place = one["location"]
        file, line = (place["file"], place["line"]) if place else (None, None)
        about = (one["check"], one["kind"], one["severity"], one["message"], one["where"], one["step"])
        yield content.name, *about, one["value"], one["limit"], file, line, one["allowed"]


def _write_file(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        _write(file, names, rows)


def _write(file: TextIO, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    # Python writes a float so that reading gives the same one: `nan` and `inf` stand for themselves.
    table = csv.writer(file, lineterminator="\n")
    table.writerow(names)
    table.writerows(rows)
