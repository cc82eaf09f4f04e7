"""The SQLite files of a run: how they are created, opened and recognised."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from pathlib import Path
from typing import Literal

from netvet.core import NetvetError

# "nvet" in ASCII: tells a run from any other SQLite file.
APPLICATION_ID = 0x6E766574
# Raised when an older netvet could no longer read the file.
FORMAT = 2
# How long SQLite waits for the lock of another process; only the writer thread and readers ever wait.
BUSY_SECONDS = 5.0
# Bytes of a journal that stay on disk: it grows to its largest transaction and would else keep that size.
JOURNAL_LIMIT = 8 << 20
# Names are for people; 60 characters leave room for time and suffix in the 255 bytes of a file name.
NAME_LENGTH = 60

# tail: what was appended last, one row a flush, all series mixed.  chunk: up to 512 values of one series; its numbers
# are never given twice.  rollup: the values of a chunk, or of several from that one on, thinned out.  A float column
# would turn NaN into NULL, hence blobs.  The indexes answer what is there, and of what size, without the blobs.
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE series (id INTEGER PRIMARY KEY, signal TEXT NOT NULL, key TEXT);
CREATE TABLE tail (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE chunk (id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, size INTEGER NOT NULL,
                    n INTEGER NOT NULL, first INTEGER NOT NULL, stride INTEGER NOT NULL, steps BLOB,
                    data BLOB NOT NULL);
CREATE INDEX chunk_series ON chunk (series, id, size);
CREATE TABLE rollup (id INTEGER PRIMARY KEY, series INTEGER NOT NULL, factor INTEGER NOT NULL,
                     chunk INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX rollup_series ON rollup (factor, series, chunk, size);
CREATE TABLE facts (signal TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE missing (signal TEXT PRIMARY KEY, text TEXT NOT NULL)
"""


def safe_name(name: str) -> str:
    """The name as it can stand in a path on any system; `run` if nothing is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:NAME_LENGTH] or "run"


def new_folder(root: Path, name: str) -> Path:
    """Make the folder of a new run; a number is added when two start in the same second.

    Raises:
        OSError: it cannot be made.
    """
    root.mkdir(parents=True, exist_ok=True)
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{safe_name(name)}"
    number = 1
    while True:
        folder = root / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def connect(file: Path, mode: Literal["rw", "rwc"]) -> sqlite3.Connection:
    """Open an SQLite file with explicit transactions.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    uri = f"{file.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=32
    )
    # A store may come from a stranger: nothing in its schema may call functions.
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def open_for_writing(file: Path, name: str) -> sqlite3.Connection:
    """Open the file of a rank, new or left by an earlier process.

    Raises:
        OSError, sqlite3.Error: it cannot be written.
        NetvetError: there is a file that is no run or is of a newer format.
    """
    connection = connect(file, "rwc")
    try:
        # An empty file is one whose process died before its first commit.
        if connection.execute("PRAGMA schema_version").fetchone()[0]:
            require_run(connection, file)
        # So that the end of a run can give back the room that its tail took; says nothing on a file that exists.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        mode = "WAL" if _wal_works(file) else "TRUNCATE"
        connection.execute(f"PRAGMA journal_mode = {mode}")
        # In WAL mode a killed process loses nothing committed; power loss may cost the last commits, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_LIMIT}")
        _create_schema(connection, name)
    except BaseException:
        connection.close()
        raise
    return connection


def require_run(connection: sqlite3.Connection, file: Path) -> None:
    """Check that the file is a run that this version can read.

    Raises:
        NetvetError: it is not.
        sqlite3.Error: it is no SQLite file at all.
    """
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise NetvetError(f"{file} is not a netvet run; give the folder of a run, as `netvet runs` lists them")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version < FORMAT:
        raise NetvetError(
            f"{file} was written by an early netvet (format {version}, this one reads {FORMAT}); run again"
        )
    if version > FORMAT:
        raise NetvetError(
            f"{file} was written by a newer netvet (format {version}, this one reads {FORMAT}); update netvet"
        )


def _create_schema(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            text = name.encode("utf-8", "backslashreplace").decode()
            connection.executemany("INSERT INTO meta VALUES (?, ?)", [("name", text), ("created", time.time())])
        # Also for a file that existed: nothing proves that it can be written but a write.
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('opened', ?)", (time.time(),))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _wal_works(file: Path) -> bool:
    """Whether WAL mode works here: network file systems may accept it and fail at the first write."""
    scratch = file.with_name(f".probe-{file.stem}-{os.getpid()}.db")
    try:
        writer = connect(scratch, "rwc")
        try:
            if writer.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
                return False
            writer.execute("CREATE TABLE probe (x)")
            writer.execute("INSERT INTO probe VALUES (1)")
            reader = connect(scratch, "rw")
            try:
                return bool(reader.execute("SELECT x FROM probe").fetchall() == [(1,)])
            finally:
                reader.close()
        finally:
            writer.close()
    except sqlite3.Error:
        return False
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            scratch.with_name(scratch.name + suffix).unlink(missing_ok=True)
