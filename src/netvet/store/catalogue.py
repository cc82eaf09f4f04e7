"""Which number stands for which series in the file, and batches of values as rows of the tail."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Iterable

import numpy as np

from netvet.store.encoding import TAIL, Rows, clean

One = tuple[str, str | None, int, float]
Many = tuple[str, tuple[str, ...], int, "array[float]"]
# Values of the same keys at several steps, one step after the other, and the step of each.
Block = tuple[str, tuple[str, ...], "array[int]", "array[float]"]

# Sets of keys whose numbers are remembered; most signals have one set, rarely recorded ones have many.
KNOWN_SETS = 256


class Catalogue:
    """The series of one file; a new one gets its number within the transaction that first needs it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[tuple[str, str | None], int] = {}
        self._sets: dict[tuple[str, tuple[str, ...]], array[int]] = {}
        self.reload()

    def reload(self) -> None:
        """Read the numbers again; those given in a transaction that was rolled back are gone.

        Raises:
            sqlite3.Error: they cannot be read.
        """
        rows = self._connection.execute("SELECT signal, key, id FROM series")
        self._ids = {(signal, key): series for signal, key, series in rows}
        self._sets.clear()

    def rows(self, batch: Iterable[One | Many | Block], refuse: Callable[[str, Exception], None]) -> Rows:
        """The batch as rows of the tail, in the order of arrival.

        Args:
            batch: (signal, key, step, value), (signal, keys, step, values) or (signal, keys, steps, values).
            refuse: told of the signal of an item that cannot be stored, and why.

        Raises:
            sqlite3.Error: a new series cannot be written.
        """
        ids, steps, values = array("I"), array("q"), array("d")
        for signal, key, step, value in batch:
            try:
                # The steps first: only they can overflow, and then nothing of the item has been added.
                if isinstance(value, float):
                    steps.append(step)  # type: ignore[arg-type]
                    ids.append(self._id(signal, key))  # type: ignore[arg-type]
                    values.append(value)
                else:
                    steps.extend(array("q", [step]) * len(value) if isinstance(step, int) else step)
                    ids.extend(self._ids_of(signal, key) * (len(value) // len(key)))  # type: ignore[arg-type]
                    values.extend(value)
            except OverflowError as error:
                refuse(signal, error)
        rows = np.empty(len(values), TAIL)
        rows["series"], rows["step"], rows["value"] = ids, steps, values
        return rows

    def _id(self, signal: str, key: str | None) -> int:
        known = self._ids.get((signal, key))
        if known is None:
            text = None if key is None else clean(str(key))
            query = "INSERT INTO series (signal, key) VALUES (?, ?)"
            cursor = self._connection.execute(query, (clean(str(signal)), text))
            known = self._ids[signal, key] = int(cursor.lastrowid or 0)
        return known

    def _ids_of(self, signal: str, keys: tuple[str, ...]) -> array[int]:
        known = self._sets.get((signal, keys))
        if known is None:
            if len(self._sets) >= KNOWN_SETS:
                self._sets.clear()
            known = self._sets[signal, keys] = array("I", [self._id(signal, key) for key in keys])
        return known
