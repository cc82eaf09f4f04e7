"""What is asked of the file of a run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from netvet.core import Facts
from netvet.signals import Shape
from netvet.store.encoding import FACTORS, Rows, decode_buckets
from netvet.store.thin import only_here

Keys = dict[int, str | None]
# The name of the only series of a `layers` signal that was recorded without a key, as in the catalogue.
NO_KEY = "(all)"


def keys_of(connection: sqlite3.Connection, signal: str, key: str | None = None) -> Keys:
    """Numbers and keys of the series of a signal (of one key, where it is given)."""
    rows = connection.execute("SELECT id, key FROM series WHERE signal = ? ORDER BY id", (signal,))
    wanted = None if key == NO_KEY else key
    return {series: name for series, name in rows.fetchall() if key is None or name == wanted}


def listed(keys: Keys) -> str:
    """The numbers as SQL; they come from an INTEGER PRIMARY KEY and can be nothing else."""
    return f"({', '.join(str(int(series)) for series in keys)})"


def rollups(
    connection: sqlite3.Connection, keys: Keys, factors: tuple[int, ...], *, coarser_only: bool = False
) -> Iterator[tuple[int, int, Rows]]:
    """Series, number of the chunk it begins with, and buckets of each roll-up.

    Args:
        connection: the file.
        keys: of these series.
        factors: of these levels.
        coarser_only: leave out those whose values the file has in more detail.
    """
    for factor in factors:
        query = f"SELECT series, chunk, data FROM rollup WHERE factor = {factor} AND series IN {listed(keys)}"
        if coarser_only and factor in FACTORS:
            query += f" AND {only_here(factor)}"
        for series, chunk, data in connection.execute(query + " ORDER BY series, chunk"):
            yield series, chunk, decode_buckets(data)


def shape_of(connection: sqlite3.Connection, signal: str) -> Shape:
    """The shape of a signal that is not in the catalogue, from what was recorded."""
    keys = set(keys_of(connection, signal).values())
    if not keys:
        return "facts"
    return "series" if keys == {None} else "layers"


def facts_of(connection: sqlite3.Connection, signal: str) -> Facts | None:
    """The records of a signal of shape `facts`; None if there are none."""
    row = connection.execute("SELECT text FROM facts WHERE signal = ?", (signal,)).fetchone()
    if row is None:
        return None
    records = json.loads(row[0])
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError(f"the facts of {signal} are no list of records")
    return Facts(records)
