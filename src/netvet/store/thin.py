"""Bounding a file: the oldest exact values of what takes most room give way to their roll-ups.

A stretch of a series is kept exactly, or as one bucket for each 16, 256 or 4,096 values. Each of these levels has a
limit; where it is passed, the signal that takes most room gives, its longest series first, each from its old end. The
first 512 values of a series and its newest stay exact, and signals of few series (loss, learning rate) as long as all
of them take less than half of the limit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

import numpy as np

from netvet.store.encoding import COARSEST, FACTORS, Rows, decode_buckets, encode_buckets, joined

# Bytes of a level, so that a file stays below 200 MB: three of these, the coarsest roll-ups, and what SQLite adds
# (about a fifth). In float32: 8 million exact values, 30 million in roll-ups by 16 and 500 million in those by 256.
LEVEL_LIMIT = 32 << 20
# A signal of more series is one of layers.
FEW_SERIES = 8
# What a level is thinned to once it has passed its limit: rarely and by much, for it takes a tenth of a second or more.
KEPT_SHARE = 0.8
# Chunks at the end of a series that stay exact; the last one may hold no more than a few values.
NEWEST = 2
# Buckets in a row of a stretch that has only roll-ups by 256: rows of two would be mostly overhead.
ROW_BUCKETS = 128

EXACT = 1
LEVELS = (EXACT, *FACTORS)
_FINE, _COARSE = FACTORS

# Number of the first chunk, row number, bytes; oldest first.
_Row = tuple[int, int, int]


def add_rollup(connection: sqlite3.Connection, series: int, factor: int, chunk: int, rows: Rows) -> None:
    """Add a roll-up of the values of a chunk, or of several beginning with this one."""
    data = encode_buckets(rows)
    connection.execute(
        "INSERT INTO rollup (series, factor, chunk, size, data) VALUES (?, ?, ?, ?, ?)",
        (series, factor, chunk, len(data), data),
    )


def only_here(level: int) -> str:
    """SQL: the condition that the values of a `rollup` row of this level lie nowhere in more detail."""
    finer = ["NOT EXISTS (SELECT 1 FROM chunk c WHERE c.series = rollup.series AND c.id = rollup.chunk)"]
    if level > _FINE:
        finer.append(
            f"NOT EXISTS (SELECT 1 FROM rollup f WHERE f.factor = {_FINE} AND f.series = rollup.series"
            " AND f.chunk = rollup.chunk)"
        )
    return " AND ".join(finer)


def thin(connection: sqlite3.Connection) -> None:
    """Bring every level below its limit, within the caller's transaction."""
    for level in LEVELS:
        if _bytes(connection, level) > LEVEL_LIMIT:
            for series, rows in _surplus(connection, level).items():
                _coarsen(connection, level, series, rows)


def _bytes(connection: sqlite3.Connection, level: int) -> int:
    query = "SELECT sum(size) FROM " + ("chunk" if level == EXACT else f"rollup WHERE factor = {level}")
    return int(connection.execute(query).fetchone()[0] or 0)


def _surplus(connection: sqlite3.Connection, level: int) -> dict[int, list[_Row]]:
    """The rows of each series that have to give way."""
    found = _candidates(connection, level)
    sizes = {series: sum(row[2] for row in rows) for series, rows in found.items()}
    stays = _bytes(connection, level) - sum(sizes.values())
    signal_of = dict(connection.execute("SELECT id, signal FROM series").fetchall())
    signals: dict[str, dict[int, int]] = {}
    for series, size in sizes.items():
        signals.setdefault(signal_of[series], {})[series] = size
    room = KEPT_SHARE * LEVEL_LIMIT - stays
    total = {name: sum(keys.values()) for name, keys in signals.items()}
    few = {name for name, keys in signals.items() if len(keys) <= FEW_SERIES}
    cap_of_few = _cap([total[name] for name in few], LEVEL_LIMIT / 2)
    room -= sum(min(total[name], cap_of_few) for name in few)
    cap_of_layers = _cap([total[name] for name in signals if name not in few], room)
    chosen: dict[int, list[_Row]] = {}
    for name, keys in signals.items():
        share = _cap(keys.values(), cap_of_few if name in few else cap_of_layers)
        for series, size in keys.items():
            if size > share:
                chosen[series] = _oldest(found[series], size - share)
    return chosen


def _candidates(connection: sqlite3.Connection, level: int) -> dict[int, list[_Row]]:
    if level == EXACT:
        query = "SELECT series, id, id, size FROM chunk ORDER BY series, id"
    else:
        query = f"SELECT series, chunk, id, size FROM rollup WHERE factor = {level} AND {only_here(level)}"
        query += " ORDER BY series, chunk"
    found = {series: [row[1:] for row in rows] for series, rows in groupby(connection.execute(query), itemgetter(0))}
    if level == EXACT:
        found = {series: rows[1:-NEWEST] for series, rows in found.items()}
    return {series: rows for series, rows in found.items() if rows}


def _cap(sizes: Iterable[int], room: float) -> float:
    """The size to which the largest have to come down for all to fit."""
    ordered = sorted(sizes)
    for index, size in enumerate(ordered):
        share = room / (len(ordered) - index)
        if size > share:
            return max(share, 0.0)
        room -= size
    return float(ordered[-1]) if ordered else 0.0


def _oldest(rows: list[_Row], surplus: float) -> list[_Row]:
    freed = np.cumsum([row[2] for row in rows])
    return rows[: int(np.searchsorted(freed, surplus)) + 1]


def _coarsen(connection: sqlite3.Connection, level: int, series: int, rows: list[_Row]) -> None:
    """Take away rows of a level; what the next one has of them stays, or is made now."""
    table = "chunk" if level == EXACT else "rollup"
    chunks = [chunk for chunk, _, _ in rows]
    if level == _COARSE:
        wide = joined(_taken(connection, series, _COARSE, chunks), COARSEST // _COARSE)
        add_rollup(connection, series, COARSEST, chunks[0], wide)
        return
    connection.executemany(f"DELETE FROM {table} WHERE id = ?", [(row,) for _, row, _ in rows])
    if level == _FINE:
        _write_long(connection, series, _taken(connection, series, _COARSE, chunks), chunks)


def _taken(connection: sqlite3.Connection, series: int, factor: int, chunks: list[int]) -> Rows:
    """The roll-ups that begin with these chunks, removed from the file."""
    where = "factor = ? AND series = ? AND chunk BETWEEN ? AND ?"
    which = (factor, series, chunks[0], chunks[-1])
    found = connection.execute(f"SELECT chunk, data FROM rollup WHERE {where} ORDER BY chunk", which).fetchall()
    connection.execute(f"DELETE FROM rollup WHERE {where}", which)
    return np.concatenate([decode_buckets(data) for _, data in found])


def _write_long(connection: sqlite3.Connection, series: int, rows: Rows, chunks: list[int]) -> None:
    # The order of the rows is all that their number says from here on.
    for number, start in enumerate(range(0, len(rows), ROW_BUCKETS)):
        add_rollup(connection, series, _COARSE, chunks[number], rows[start : start + ROW_BUCKETS])
