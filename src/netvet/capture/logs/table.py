"""What a log holds, before anybody has said what its columns mean: a sparse table of numbers in order of arrival."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

# Bounds of what is kept of one log: 16 bytes a cell, so that the largest takes 80 MB.
MAX_CELLS = 5_000_000
MAX_COLUMNS = 2_000
MAX_NAME = 200
MAX_SETTINGS = 2_000
MAX_DEPTH = 8
# A longer line, or record, was written by no logger of numbers.
MAX_LINE = 1_000_000
_WORDS = {"nan": math.nan, "+nan": math.nan, "-nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf,
          "infinity": math.inf, "+infinity": math.inf, "-infinity": -math.inf}  # fmt: skip


class UnreadableLog(Exception):
    """A log, or what was taken for one, cannot be read; the message is one sentence without the path."""


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one name.

    Args:
        rows: row of each value in the log, strictly increasing, int64 [n].
        values: float64 [n]; NaN and infinities are kept.
    """

    rows: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Table:
    """One run as its log holds it.

    Args:
        name: of the run. path: of the file or folder. form: the format, as a person calls it.
        columns: by name, in order of appearance.
        settings: hyper-parameters by flat name, plain values only.
        problems: a sentence for each thing that could not be read.
        count: number of rows.
    """

    name: str
    path: str
    form: str
    columns: Mapping[str, Column]
    settings: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    count: int = 0


class Rows:
    """Collects the rows of one run, within bounds."""

    def __init__(self) -> None:
        self._columns: dict[str, tuple[array[int], array[float]]] = {}
        self._cells = 0
        self.count = 0
        self.settings: dict[str, Any] = {}
        self.problems: list[str] = []

    def add(self, cells: Iterable[tuple[str, float]]) -> None:
        """Append a row; a name that is there twice keeps its last value."""
        for name, value in cells:
            if self._cells >= MAX_CELLS:
                self.say(f"only the first {MAX_CELLS:,} numbers were read")
                break
            column = self._columns.get(name)
            if column is None:
                if len(self._columns) >= MAX_COLUMNS:
                    self.say(f"only the first {MAX_COLUMNS:,} columns were read")
                    continue
                column = self._columns[name] = (array("q"), array("d"))
            rows, values = column
            if rows and rows[-1] == self.count:
                values[-1] = value
                continue
            rows.append(self.count)
            values.append(value)
            self._cells += 1
        self.count += 1

    @property
    def full(self) -> bool:
        """Nothing more is taken."""
        return self._cells >= MAX_CELLS

    def say(self, problem: str) -> None:
        """Keep a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def set(self, settings: Mapping[Any, Any]) -> None:
        """Keep hyper-parameters, nested ones by flat names."""
        for name, value in flat(settings):
            if len(self.settings) < MAX_SETTINGS:
                self.settings[name] = value

    def table(self, name: str, path: str, form: str) -> Table:
        """The table of what was collected."""
        columns = {
            key: Column(np.frombuffer(rows, np.int64), np.frombuffer(values, np.float64))
            for key, (rows, values) in self._columns.items()
        }
        return Table(name, path, form, columns, self.settings, tuple(self.problems), self.count)


def number(value: object) -> float | None:
    """A number, or a text that is one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if not isinstance(value, str) or not value or len(value) > 60:
        return None
    text = value.strip()
    word = _WORDS.get(text.lower())
    if word is not None:
        return word
    if not text or text[-1] not in "0123456789." or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def cells(record: Mapping[Any, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, float]]:
    """The numbers of a nested record by flat name (`train/loss`)."""
    for key, value in record.items():
        name = f"{prefix}{key}"[:MAX_NAME]
        if isinstance(value, Mapping):
            if depth < MAX_DEPTH:
                yield from cells(value, f"{name}/", depth + 1)
        elif (found := number(value)) is not None:
            yield name, found


def flat(settings: Mapping[Any, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Plain values (numbers, texts, truth) of a nested mapping by flat name; short lists as text."""
    for key, value in settings.items():
        name = f"{prefix}{key}"[:MAX_NAME]
        if isinstance(value, Mapping):
            if depth < MAX_DEPTH:
                yield from flat(value, f"{name}.", depth + 1)
        elif isinstance(value, bool | int | float | str):
            yield name, value[:MAX_NAME] if isinstance(value, str) else value
        elif isinstance(value, list | tuple) and len(value) <= 8:
            yield name, str(value)[:MAX_NAME]
