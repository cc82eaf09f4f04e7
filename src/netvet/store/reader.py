"""The reading side: signals of a run, from any process, also while it is being written."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path

import numpy as np

from netvet.core import Facts, LayerSeries, NetvetError, Record, Series
from netvet.signals import SIGNALS
from netvet.store.encoding import (
    COARSEST,
    FACTORS,
    Rows,
    Steps,
    Values,
    buckets,
    by_series,
    decode_steps,
    decode_values,
    merged,
)
from netvet.store.files import connect, require_run
from netvet.store.queries import NO_KEY, Keys, facts_of, keys_of, listed, rollups, shape_of
from netvet.store.ranks import GLOBAL_NORMS, NEEDS, SHARDED, combined
from netvet.store.seal import read_tail

_RANK_FILE = re.compile(r"rank(\d+)\.db")
# Whole series are put together from these. (`list` means `Run.list` inside of the class.)
_Parts = dict[str | None, list[tuple[Steps, Values, Steps]]]
_Names = list[str]
_Files = list[Path]
_Buckets = dict[str | None, list[Rows]]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the list of runs; what is unknown is None.

    Args:
        name: what the run was called.
        path: its folder.
        started: ISO time.
        script: path of the script.
        ended: `ok`, `exit`, `exception`, `interrupt`, `terminated`, or None while it runs (or when it was killed).
        steps: optimizer steps.
        error: why the run cannot be read.
        trial: of a changed program that `netvet fix` has tried, the fix.
    """

    name: str
    path: Path
    started: str | None = None
    script: str | None = None
    ended: str | None = None
    steps: int | None = None
    error: str | None = None
    trial: str | None = None


@dataclass(frozen=True, slots=True)
class Thinned:
    """A series thinned out: one entry for each bucket of successive values.

    Args:
        steps: step of the first value of each bucket, int64 [n].
        count: values in each bucket, int64 [n].
        minimum: smallest value that is not NaN, float64 [n]; NaN if there is none.
        maximum: largest value that is not NaN.
        mean: mean of the values that are not NaN.
        last: the last value, whatever it is.
    """

    steps: Steps
    count: Steps
    minimum: Values
    maximum: Values
    mean: Values
    last: Values


class Run:
    """Reads a run, all its ranks together, or one rank of it; a `SignalSource`.

    Every call sees what has been committed by then. Between two calls no file is open, so that a reader that lives
    long never keeps the training process from archiving its file.

    Attributes:
        path: the folder of the run.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tail: tuple[int, dict[int, Rows]] | None = None
        # All ranks, this one first, where the run is to be read as a whole.
        self._ranks: tuple[Run, ...] = ()
        self.path = file.parent

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open a run.

        Args:
            path: the folder, or the `.db` file of one rank. Of a folder with several ranks, the lowest is read;
                what differs over the ranks (losses, sharded tensors) is put together from all of them.

        Raises:
            NetvetError: it is no run, cannot be read, or its format is newer.
        """
        run = cls(_file_of(Path(path)))
        with run._reading():
            pass
        if Path(path).is_dir():
            run._find_ranks(_rank_files(Path(path))[1:])
        return run

    def _find_ranks(self, files: _Files) -> None:
        others = []
        for file in files:
            try:
                others.append(Run.open(file))
            except NetvetError:  # killed before it had written anything
                continue
        own = self._own("ranks")
        # One record: the others of its job are stored elsewhere. Several: they are put together already.
        if others or (isinstance(own, Facts) and len(own) == 1):
            self._ranks = (self, *others)

    @classmethod
    def list(cls, root: Path) -> list[RunSummary]:
        """All runs in a folder, newest first; those that cannot be read have an `error`."""
        try:
            folders = [folder for folder in Path(root).iterdir() if _rank_files(folder)]
        except OSError:
            return []
        found = [_summary(folder) for folder in folders]
        return [summary for _, summary in sorted(found, key=lambda pair: (pair[0], pair[1].path.name), reverse=True)]

    def get(self, signal: str) -> Series | LayerSeries | Facts | None:
        """What was recorded of a signal, in the shape that the catalogue gives it; None if nothing was.

        Every value was recorded at its step. Of stretches that were thinned out only one value of each bucket is
        here, the last one; `Series.stands_for` then says so.

        Raises:
            NetvetError: the file is damaged or gone.
        """
        if self._ranks and signal in NEEDS:
            return combined(signal, [{name: one._own(name) for name in NEEDS[signal]} for one in self._ranks])
        return self._own(signal)

    def _own(self, signal: str) -> Series | LayerSeries | Facts | None:
        """What this rank recorded."""
        with self._reading() as connection:
            shape = SIGNALS[signal].shape if signal in SIGNALS else shape_of(connection, signal)
            if shape == "facts":
                return facts_of(connection, signal)
            parts = self._parts(connection, keys_of(connection, signal))
        found = {key: _series(list_of_parts) for key, list_of_parts in parts.items()}
        if not found:
            return None
        if shape == "series":
            return found[None] if None in found else next(iter(found.values()))
        return LayerSeries({NO_KEY if key is None else key: series for key, series in found.items()})

    def one(self, signal: str, key: str) -> Series | None:
        """One series of a signal, without reading the others; `(all)` is the one that has no key.

        Raises:
            NetvetError: the file is damaged or gone.
        """
        with self._reading() as connection:
            parts = self._parts(connection, keys_of(connection, signal, key))
        return _series(next(iter(parts.values()))) if parts else None

    def thinned(self, signal: str, factor: int, key: str | None = None) -> dict[str, Thinned]:
        """Every series of a signal thinned out, for pictures of long runs; empty if nothing was recorded.

        Args:
            signal: name of the signal, of shape `series` (its key is then `(all)`) or `layers`.
            factor: values in a bucket, 16 or 256. Where the run was interrupted or is still being written, some
                buckets have fewer; where the store keeps no more than a coarser roll-up, they have more (`count`).
            key: only this series.

        Raises:
            NetvetError: the file is damaged or gone; there is no such roll-up.
        """
        if factor not in FACTORS:
            raise NetvetError(f"no roll-up by {factor}; there are: {', '.join(map(str, FACTORS))}")
        with self._reading() as connection:
            keys = keys_of(connection, signal, key)
            return {NO_KEY if key is None else key: t for key, t in self._thinned(connection, keys, factor)}

    def reason(self, signal: str) -> str | None:
        """Why a signal is missing (or incomplete), if the recorder said so.

        Raises:
            NetvetError: the file is damaged or gone.
        """
        with self._reading() as connection:
            row = connection.execute("SELECT text FROM missing WHERE signal = ?", (signal,)).fetchone()
        if row is None and self._ranks and signal in (*GLOBAL_NORMS, *SHARDED) and self._own("shards") is not None:
            return "the parameters are sharded over ranks that are not all stored here"
        return str(row[0]) if row else None

    def names(self) -> _Names:
        """The signals of which something was recorded, sorted.

        Raises:
            NetvetError: the file is damaged or gone.
        """
        with self._reading() as connection:
            rows = connection.execute("SELECT signal FROM series UNION SELECT signal FROM facts ORDER BY 1").fetchall()
        return [str(signal) for (signal,) in rows]

    def close(self) -> None:
        """Forget what was read."""
        for one in (self, *self._ranks):
            one._tail = None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the file; whatever is wrong with the file becomes a NetvetError."""
        connection: sqlite3.Connection | None = None
        try:
            # Not read-only: the next one who opens the file of a killed process has to recover its journal.
            connection = connect(self._file, "rw")
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            require_run(connection, self._file)
            yield connection
        except (sqlite3.Error, ValueError, RecursionError) as error:
            raise NetvetError(f"cannot read {self._file}: {error}{_hint(error)}") from error
        finally:
            if connection is not None:
                connection.close()

    def _parts(self, connection: sqlite3.Connection, keys: Keys) -> _Parts:
        """The parts of every series, in the order of their arrival."""
        found: dict[int, list[tuple[int, tuple[Steps, Values, Steps]]]] = {}
        query = "SELECT series, id, n, first, stride, steps, data FROM chunk WHERE series IN {}"
        for series, chunk, n, first, stride, steps, data in connection.execute(query.format(listed(keys))):
            part = decode_steps(n, first, stride, steps), decode_values(n, data), np.ones(n, np.int64)
            found.setdefault(series, []).append((chunk, part))
        for series, chunk, rows in rollups(connection, keys, (*FACTORS, COARSEST), coarser_only=True):
            part = rows["last_step"], rows["last"], rows["count"]
            found.setdefault(series, []).append((chunk, part))
        parts: _Parts = {}
        for series, key in keys.items():
            mine = [part for _, part in sorted(found.get(series, ()), key=itemgetter(0))]
            tail = self._tail_of(connection).get(series)
            if tail is not None:
                ones = np.ones(len(tail), np.int64)
                mine.append((tail["step"].astype(np.int64), tail["value"].astype(np.float64), ones))
            if mine:
                parts.setdefault(key, []).extend(mine)
        return parts

    def _thinned(self, connection: sqlite3.Connection, keys: Keys, factor: int) -> Iterator[tuple[str | None, Thinned]]:
        parts: _Buckets = {}
        for series, _, rows in rollups(connection, keys, (factor,)):
            parts.setdefault(keys[series], []).append(rows)
        coarser = tuple(other for other in (*FACTORS, COARSEST) if other > factor)
        for series, _, rows in rollups(connection, keys, coarser, coarser_only=True):
            parts.setdefault(keys[series], []).append(rows)
        for series, key in keys.items():
            tail = self._tail_of(connection).get(series)
            if tail is not None:
                parts.setdefault(key, []).append(buckets(tail["step"], tail["value"], factor))
        for key in dict.fromkeys(keys.values()):
            if key in parts:
                rows = np.concatenate(parts[key])
                rows = rows[np.argsort(rows["step"], kind="stable")]
                yield key, Thinned(*(rows[name] for name in ("step", "count", "minimum", "maximum", "mean", "last")))

    def _tail_of(self, connection: sqlite3.Connection) -> dict[int, Rows]:
        """The tail by series; kept, because all signals of a diagnosis are in the same tail."""
        # Row numbers are never given twice, so the highest one names a state of the tail.
        newest = connection.execute("SELECT coalesce(max(id), 0) FROM tail").fetchone()[0]
        tail = self._tail
        if tail is None or tail[0] != newest:
            tail = self._tail = (newest, dict(by_series(read_tail(connection))) if newest else {})
        return tail[1]


def _series(parts: list[tuple[Steps, Values, Steps]]) -> Series:
    steps, values, counts = merged(parts)
    return Series(steps, values, counts if (counts > 1).any() else None)


def _rank_files(folder: Path) -> list[Path]:
    """The files of a run, lowest rank first."""
    try:
        found = [(int(match[1]), file) for file in folder.iterdir() if (match := _RANK_FILE.fullmatch(file.name))]
    except OSError:
        return []
    return [file for _, file in sorted(found)]


def _file_of(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise NetvetError(f"{path} does not exist; give the folder of a run, as `netvet runs` lists them")
    files = _rank_files(path)
    if not files:
        raise NetvetError(f"{path} is not a netvet run: it holds no rank0.db; `netvet runs` lists the runs")
    return files[0]


def _hint(error: Exception) -> str:
    if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error):
        return "; check that you may read it, or copy the folder to a place where you can write"
    return ""


def _summary(folder: Path) -> tuple[float, RunSummary]:
    """When the run was created (seconds since 1970), and its line in the list."""
    try:
        run = Run.open(folder)
        with run._reading() as connection:
            meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            record: Record = next(iter(facts_of(connection, "run") or ()), {})
            created = float(meta.get("created", 0.0))
            started = datetime.fromtimestamp(created).astimezone().isoformat(timespec="seconds")
            return created, RunSummary(
                name=str(meta.get("name", folder.name)),
                path=folder,
                started=_text(record.get("started")) or started,
                script=_text(record.get("script")),
                ended=_text(record.get("ended")),
                trial=_text(record.get("trial")),
                # The record has them at the end only.
                steps=_count(record.get("steps")) or (None if record.get("ended") is None else 0),
            )
    except (NetvetError, OSError, TypeError, OverflowError) as error:
        return _changed(folder), RunSummary(folder.name, folder, error=str(error))


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and np.isfinite(value) else None
