"""MLflow stores: the SQLite file, or a folder `mlruns/`; read without MLflow."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from netvet.capture.logs.lines import lines, opened, whole
from netvet.capture.logs.table import MAX_CELLS, Rows, Table, UnreadableLog
from netvet.capture.logs.yaml_settings import scalar, settings_of

FORM = "MLflow store"
# Runs that are read of one store, the newest first.
MAX_RUNS = 500
# MLflow writes infinity as the largest number of its databases.
_LARGEST = 1.7976931348623157e308
# A damaged or hostile file may keep SQLite busy for ever: instructions between two looks at the clock, and seconds.
_PACE, _SECONDS = 100_000, 60.0


def read_database(file: Path) -> list[Table]:
    """The runs of an SQLite store, the newest first.

    Raises:
        UnreadableLog: it is no store of MLflow, or is damaged.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            until = time.monotonic() + _SECONDS
            connection.set_progress_handler(lambda: int(time.monotonic() > until), _PACE)
            tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master LIMIT 1000")}
            if not {"metrics", "runs", "params"} <= tables:
                raise UnreadableLog("an SQLite file that is no store of MLflow: it has no tables metrics, runs, params")
            query = "SELECT run_uuid, name FROM runs ORDER BY start_time DESC LIMIT ?"
            found = connection.execute(query, (MAX_RUNS,)).fetchall()
            return [_run(connection, str(run), str(name or run)[:200], file) for run, name in found]
    except sqlite3.Error as error:
        raise UnreadableLog(f"an SQLite file that cannot be read: {error}") from error


def _run(connection: sqlite3.Connection, run: str, name: str, file: Path) -> Table:
    rows = Rows()
    query = (
        "SELECT key, value, step, is_nan FROM metrics WHERE run_uuid = ? AND key NOT LIKE 'system/%' "
        "ORDER BY timestamp, step LIMIT ?"
    )
    _kept(rows, connection.execute(query, (run, MAX_CELLS)))
    for key, value in connection.execute("SELECT key, value FROM params WHERE run_uuid = ? LIMIT 2000", (run,)):
        rows.set({str(key): _plain(value)})
    return rows.table(name, str(file), FORM)


def _kept(rows: Rows, metrics: Any) -> None:
    for key, value, step, is_nan, *_ in metrics:
        try:
            number, at = math.nan if is_nan else float(value), float(step)
        except (TypeError, ValueError):
            rows.say("a value is no number and was left out")
            continue
        number = math.copysign(math.inf, number) if abs(number) >= _LARGEST else number
        rows.add((("step", at), (str(key)[:200], number)))


def _plain(value: object) -> Any:
    return scalar(str(value)[:200])


def is_run_folder(folder: Path) -> bool:
    """A run of the file store: `mlruns/<experiment>/<run>/` with metrics."""
    return (folder / "metrics").is_dir() and (folder / "meta.yaml").is_file()


def read_folder(folder: Path) -> Table:
    """One run of the file store."""
    rows = Rows()
    meta = settings_of(folder / "meta.yaml")
    name = str(meta.get("run_name") or _line(folder / "tags" / "mlflow.runName") or folder.name)
    _kept(rows, sorted(_metrics(folder, rows), key=lambda one: one[4]))
    for file in _files(folder / "params"):
        rows.set({file.relative_to(folder / "params").as_posix(): _plain(_line(file))})
    return rows.table(name, str(folder), FORM)


def _metrics(folder: Path, rows: Rows) -> Iterator[tuple[Any, ...]]:
    for file in _files(folder / "metrics"):
        name = file.relative_to(folder / "metrics").as_posix()
        if name.startswith("system/"):
            continue
        with opened(file) as stream:
            for line in lines(stream, rows):
                parts = line.split()
                if len(parts) < 2:
                    continue
                step = parts[2] if len(parts) > 2 else 0
                yield name, parts[1], step, parts[1].lower() == "nan", int(parts[0]) if parts[0].isdigit() else 0


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.rglob("*") if p.is_file())[:2000]


def _line(file: Path) -> str:
    try:
        return whole(file)[:200].strip()
    except (OSError, UnreadableLog):
        return ""
