"""Sealing: what was appended last moves from the shared tail into chunks of one series, with roll-ups."""

from __future__ import annotations

import sqlite3

import numpy as np

from netvet.store.encoding import FACTORS, SEALED, TAIL, Rows, buckets, by_series, encode_steps, encode_values, joined
from netvet.store.thin import add_rollup, thin

# A tail shorter than this is not worth sealing: 8,192 rows are 160 kB, read in well under a millisecond.
SHORT_TAIL = 8_192
# A tail with more values than this left (20 bytes each) is sealed in shorter chunks, so that 10,000 series
# cost neither memory nor the time of a reader.
LONG_TAIL = 1 << 19


def read_tail(connection: sqlite3.Connection) -> Rows:
    """All rows of the tail in the order of their arrival.

    Raises:
        ValueError: a row is damaged.
    """
    parts = [np.frombuffer(data, TAIL) for (data,) in connection.execute("SELECT data FROM tail ORDER BY id")]
    return np.concatenate(parts) if parts else np.empty(0, TAIL)


def append_tail(connection: sqlite3.Connection, rows: Rows) -> None:
    """Add rows at the end of the tail."""
    if len(rows):
        connection.execute("INSERT INTO tail (n, data) VALUES (?, ?)", (len(rows), rows.tobytes()))


def seal(connection: sqlite3.Connection, *, everything: bool = False) -> int:
    """Move the full chunks out of the tail, within the caller's transaction.

    Nothing is kept in memory between two calls, so a process that opens a file left by a killed one goes on where
    that one stopped.

    Args:
        connection: the file of the rank, in a transaction.
        everything: move the last, shorter chunks too (at the end of a run).

    Returns:
        The number of values left in the tail.
    """
    rows = read_tail(connection)
    counts = np.bincount(rows["series"]) if len(rows) else np.empty(0, np.int64)
    everything = everything or int((counts % SEALED).sum()) > LONG_TAIL
    left = [np.empty(0, TAIL)]
    for series, part in by_series(rows):
        full = len(part) if everything else len(part) // SEALED * SEALED
        for start in range(0, full, SEALED):
            _insert(connection, series, part[start : min(start + SEALED, full)])
        left.append(part[full:])
    connection.execute("DELETE FROM tail")
    kept = np.concatenate(left)
    append_tail(connection, kept)
    thin(connection)
    return len(kept)


def _insert(connection: sqlite3.Connection, series: int, rows: Rows) -> None:
    steps, values = rows["step"].astype(np.int64), rows["value"].astype(np.float64)
    first, stride, uneven = encode_steps(steps)
    data = encode_values(values)
    size = len(data) + len(uneven or b"")
    cursor = connection.execute(
        "INSERT INTO chunk (series, size, n, first, stride, steps, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (series, size, len(rows), first, stride, uneven, data),
    )
    chunk = int(cursor.lastrowid or 0)
    fine = buckets(steps, values, FACTORS[0])
    add_rollup(connection, series, FACTORS[0], chunk, fine)
    add_rollup(connection, series, FACTORS[1], chunk, joined(fine, FACTORS[1] // FACTORS[0]))
