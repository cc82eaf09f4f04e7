"""The writing side: a queue that training appends to, and a thread that alone touches the disk."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import sqlite3
import threading
import time
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

import numpy as np

from netvet.core import NetvetError
from netvet.store.catalogue import Block, Catalogue, Many, One
from netvet.store.encoding import Values, clean, encode_records
from netvet.store.files import new_folder, open_for_writing
from netvet.store.seal import SHORT_TAIL, append_tail, seal

# A killed process loses at most this much, plus the time of one commit.
FLUSH_SECONDS = 0.25
# What training may run ahead of the disk before values are dropped: about 100 MB of memory.
QUEUE_LIMIT = 500_000
# A disk that hangs must not keep a training process from ending.
CLOSE_SECONDS = 30.0
# Leaving WAL mode needs the file for itself; a reader holds it for milliseconds at a time.
UNLOCK_TRIES, UNLOCK_SECONDS = 20, 0.05

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class _Request(NamedTuple):
    """Ask the thread to write now; it releases the lock afterwards."""

    done: threading.Lock
    last: bool


class RunWriter:
    """Writes one rank of a run; owned by the training process.

    After `create`, nothing here raises or waits for the disk, except `flush` and `close`, which wait. In a forked
    child the writer does nothing.

    Attributes:
        path: the folder of the run.
        error: the first I/O error, in one line; the writer has then switched itself off.
    """

    # No Event or Condition here: a signal handler that interrupts one of their methods and calls it again
    # would wait for ever. deque, SimpleQueue and Lock are safe in that place.

    def __init__(self, path: Path, rank: int, name: str) -> None:
        self.path = path
        self.error: str | None = None
        self._off = False
        self._queue: deque[One | Many | Block] = deque()
        self._notes: deque[tuple[str, str, str]] = deque()
        self._requests: SimpleQueue[_Request] = SimpleQueue()
        self._reasons: dict[str, str] = {}
        self._dropped: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        # From here on only the writing thread uses what follows (or `close`, where there is no thread).
        self._batch: list[One | Many | Block] = []
        self._texts: dict[tuple[str, str], str] = {}
        self._lost: dict[str, int] = {}
        self._connection = open_for_writing(path / f"rank{rank}.db", name)
        self._catalogue = Catalogue(self._connection)
        self._in_tail = int(self._connection.execute("SELECT coalesce(sum(n), 0) FROM tail").fetchone()[0])
        self._seal_at = self._in_tail + SHORT_TAIL
        _writers.add(self)

    @classmethod
    def create(cls, root: Path, name: str, *, rank: int = 0) -> RunWriter:
        """Start a new run in a folder of its own, `root/<time>-<name>`.

        Args:
            root: folder of all runs; made when missing.
            name: what the run is called, usually the script; made safe for a path.
            rank: rank of this process. The other ranks of the same run `join` the folder that one rank made.

        Raises:
            NetvetError: nothing can be written there.
        """
        folder: Path | None = None
        try:
            folder = new_folder(Path(root), name)
            return cls(folder, rank, name)
        except (OSError, sqlite3.Error) as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            raise _cannot_write(Path(root), error) from error

    @classmethod
    def join(cls, path: Path, *, rank: int = 0) -> RunWriter:
        """Write a rank of a run that has a folder already: another rank, or one whose process ended.

        Raises:
            NetvetError: there is no such folder, it cannot be written, or its format is newer.
        """
        folder = Path(path)
        try:
            return cls(folder, rank, folder.name)
        except (OSError, sqlite3.Error) as error:
            raise _cannot_write(folder, error) from error

    def append(self, step: int, signal: str, value: float, key: str | None = None) -> None:
        """Record one value; takes about a microsecond, never waits and never raises.

        Args:
            step: optimizer steps completed; a value for the same step and key replaces the one before.
            signal: name of the signal.
            value: the number; NaN and infinity are kept.
            key: layer, parameter, optimizer or call site for a signal of shape `layers`, else None.
        """
        if self._off:
            return
        if self._thread is None:
            self._start()
        try:
            if len(self._queue) < QUEUE_LIMIT:
                # Converted here, not in the thread: a tensor kept in the queue would keep its autograd graph.
                self._queue.append((signal, key, int(step), float(value)))
            else:
                self._drop(signal, 1)
        except Exception as error:
            self._refuse(signal, error)

    def append_many(self, step: int, signal: str, values: Mapping[str, float]) -> None:
        """Record one value for each of several keys; as `append`, and cheaper than a call for each."""
        if self._off:
            return
        if self._thread is None:
            self._start()
        try:
            if len(self._queue) < QUEUE_LIMIT:
                self._queue.append((signal, tuple(values), int(step), array("d", values.values())))
            else:
                self._drop(signal, len(values))
        except Exception as error:
            self._refuse(signal, error)

    def append_block(self, steps: Sequence[int], signal: str, keys: Sequence[str], values: Values) -> None:
        """Record values of several keys at several steps [steps, keys]; cheaper than a call for each step."""
        if self._off or not len(steps) or not len(keys):
            return
        if self._thread is None:
            self._start()
        try:
            # A block counts as all its steps: those that wait may not take more memory than single ones.
            if len(self._queue) < QUEUE_LIMIT // len(steps):
                each = array("q", np.repeat(np.asarray(steps, np.int64), len(keys)).tobytes())
                self._queue.append((signal, tuple(keys), each, array("d", values.astype(np.float64).tobytes())))
            else:
                self._drop(signal, values.size)
        except Exception as error:
            self._refuse(signal, error)

    def put_facts(self, signal: str, records: Sequence[Mapping[str, object]]) -> None:
        """Replace the records of a signal.

        Args:
            signal: name of the signal.
            records: JSON types; NumPy scalars and arrays become plain, tuples lists, anything else its text.
        """
        try:
            self._note("facts", signal, encode_records(records))
        except Exception as error:
            self._refuse(signal, error)

    def explain_missing(self, signal: str, reason: str) -> None:
        """Say why a signal has not been recorded."""
        if self._reasons.get(signal) != reason:
            self._reasons[signal] = reason
            self._note("missing", signal, reason)

    def flush(self) -> None:
        """Wait until everything appended so far can be read by others (or the writer has failed)."""
        if not self._off:
            self._ask(last=False)

    def close(self) -> None:
        """Write what is left and turn the file into one plain archive; closing twice does nothing."""
        if self._off:
            return
        self._off = True
        _writers.discard(self)
        if not self._ask(last=True):
            self._finish()

    def _note(self, table: str, signal: str, text: str) -> None:
        if self._off:
            return
        if self._thread is None:
            self._start()
        self._notes.append((table, signal, text))

    def _refuse(self, signal: str, error: Exception) -> None:
        # Only the type: the text of a foreign exception may run foreign code.
        self.explain_missing(signal, f"a value could not be stored ({type(error).__name__})")

    def _drop(self, signal: str, count: int) -> None:
        self._dropped[signal] = self._dropped.get(signal, 0) + count

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return  # Another thread, or the frame that a signal handler interrupted, is about to.
        thread = threading.Thread(target=self._work, name="netvet-store", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The interpreter is ending, or no thread is to be had: `close` writes the queue itself.
            self._starting.release()
            return
        self._thread = thread

    def _ask(self, *, last: bool) -> bool:
        """Have the thread write; False if there is no thread that could."""
        if self._thread is None or not self._thread.is_alive():
            return False
        done = threading.Lock()
        done.acquire()
        self._requests.put(_Request(done, last))
        until = time.monotonic() + CLOSE_SECONDS
        while not done.acquire(timeout=0.1):
            if time.monotonic() > until or not self._thread.is_alive():
                break
        return True

    def _work(self) -> None:
        while self.error is None:
            try:
                request = self._requests.get(timeout=FLUSH_SECONDS)
            except Empty:
                self._write()
                continue
            if request.last:
                self._finish()
            else:
                self._write()
            request.done.release()
            if request.last:
                return

    def _write(self) -> None:
        """Write what has been appended; where another process has the lock, keep it for the next time."""
        if self.error is not None:
            return
        try:
            self._take()
            if self._batch or self._texts:
                self._commit()
        except Exception as error:
            self._undo()
            if not _is_busy(error):
                self._fail(error)

    def _take(self) -> None:
        """Move the queue into the batch; what another thread appends meanwhile waits for the next time."""
        for _ in range(min(len(self._queue), max(0, QUEUE_LIMIT - len(self._batch)))):
            self._batch.append(self._queue.popleft())
        for _ in range(len(self._notes)):
            table, signal, text = self._notes.popleft()
            self._texts[table, signal] = text
        for signal in list(self._dropped):
            count = self._dropped.pop(signal)
            self._lost[signal] = count = self._lost.get(signal, 0) + count
            self._texts["missing", signal] = f"incomplete: {count:,} values were dropped because the disk was too slow"

    def _commit(self) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        rows = self._catalogue.rows(self._batch, self._refuse)
        append_tail(connection, rows)
        for (table, signal), text in self._texts.items():
            connection.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (clean(signal), clean(text)))
        in_tail = self._in_tail + len(rows)
        seal_at = self._seal_at
        if in_tail >= seal_at:
            in_tail = seal(connection)
            # Twice what is left: values that stay are rewritten a bounded number of times.
            seal_at = 2 * in_tail + SHORT_TAIL
        connection.execute("COMMIT")
        self._in_tail, self._seal_at = in_tail, seal_at
        self._batch.clear()
        self._texts.clear()

    def _undo(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._catalogue.reload()
        except sqlite3.Error:
            pass  # The failure that led here is the one to report, or the next attempt fails again.

    def _fail(self, error: Exception) -> None:
        why = str(error) if isinstance(error, sqlite3.Error | OSError) else f"{type(error).__name__}: {error}"
        self.error = f"cannot write to {self.path}: {why}; recording stopped, free some space or choose another folder"
        self._off = True
        _writers.discard(self)
        self._queue.clear()
        self._notes.clear()
        self._batch.clear()
        self._shut()

    def _finish(self) -> None:
        """The last write: all of the tail into chunks, the file out of WAL mode."""
        self._write()
        if self.error is not None:
            return
        if self._batch or self._texts:
            self._fail(sqlite3.OperationalError("another process keeps the file locked"))
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            seal(self._connection, everything=True)
            self._connection.execute("COMMIT")
            # Not `execute`: it stops at the first row, and this one makes an empty row for every page.
            self._connection.executescript("PRAGMA incremental_vacuum")
            self._leave_wal()
        except Exception as error:
            self._undo()
            if not _is_busy(error):  # Everything is on disk already; only the tidying has to be given up.
                self._fail(error)
        self._shut()

    def _leave_wal(self) -> None:
        for attempt in range(UNLOCK_TRIES):
            try:
                self._connection.execute("PRAGMA journal_mode = DELETE")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or attempt == UNLOCK_TRIES - 1:
                    raise
                time.sleep(UNLOCK_SECONDS)

    def _shut(self) -> None:
        try:
            self._connection.close()
        except sqlite3.Error as error:
            self.error = self.error or f"cannot close {self.path}: {error}"

    def _abandon(self) -> None:
        """In a forked child: forget everything without touching the file."""
        self._off = True
        self._queue.clear()
        self._notes.clear()
        # Closing the inherited connection could undo a transaction of the parent, so it must outlive even the
        # end of the interpreter.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))


_writers: set[RunWriter] = set()


def _cannot_write(where: Path, error: Exception) -> NetvetError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return NetvetError(f"cannot store a run in {where}: {why}; choose a writable folder with some free space")


def _is_busy(error: Exception) -> bool:
    # The low byte is the error; extended codes (busy: recovery, snapshot) are in the others.
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


def _close_all() -> None:
    for writer in list(_writers):
        writer.close()


def _abandon_all() -> None:
    for writer in list(_writers):
        writer._abandon()
    _writers.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):  # Not on Windows, where nothing forks.
    os.register_at_fork(after_in_child=_abandon_all)
