from __future__ import annotations

import sqlite3
import warnings
from pathlib import Path

import pytest

from netvet.core import NetvetError
from netvet.store import Run, RunWriter
from tests.store.machine import query


def test_says_what_is_wrong_with_what_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "noise.db").write_bytes(bytes(range(256)) * 64)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE x (y)")
    other.close()
    for name, message in [
        ("missing", "does not exist"),
        ("empty", "is not a netvet run"),
        ("noise.db", "file is not a database"),
        ("other.db", "is not a netvet run"),
    ]:
        with pytest.raises(NetvetError, match=message):
            Run.open(tmp_path / name)


def test_an_early_format_is_not_taken_for_a_run_without_roll_ups(started: RunWriter) -> None:
    started.close()
    query(started.path, "PRAGMA user_version = 1")
    for open_it in (Run.open, RunWriter.join):
        with pytest.raises(NetvetError, match=r"early netvet \(format 1, this one reads 2\); run again"):
            open_it(started.path)


def test_a_newer_format_is_neither_read_nor_written(started: RunWriter) -> None:
    started.close()
    query(started.path, "PRAGMA user_version = 99")
    for open_it in (Run.open, RunWriter.join):
        with pytest.raises(NetvetError, match=r"newer netvet \(format 99"):
            open_it(started.path)


def test_the_list_survives_what_cannot_be_read(tmp_path: Path) -> None:
    made = RunWriter.create(tmp_path, "good")
    made.put_facts("run", [{"script": "train.py", "started": "2026-01-01T00:00:00", "ended": "ok", "steps": 12}])
    made.close()
    (tmp_path / "not-a-run").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "rank0.db").write_text("no database " * 100)
    (tmp_path / "file").touch()
    found = {summary.name: summary for summary in Run.list(tmp_path)}
    assert set(found) == {"good", "broken"}
    good = found["good"]
    assert (good.script, good.started, good.ended, good.steps, good.error) == (
        "train.py",
        "2026-01-01T00:00:00",
        "ok",
        12,
        None,
    )
    assert "not a database" in str(found["broken"].error)
    assert Run.list(tmp_path / "nowhere") == []


def test_damage_is_one_error_and_not_a_crash(started: RunWriter) -> None:
    for step in range(1_000):
        started.append(step, "loss", step * 0.1, "a")
    started.put_facts("run", [{}])
    started.close()
    damaged = sqlite3.connect(started.path / "rank0.db")
    damaged.execute("UPDATE chunk SET data = substr(data, 3)")
    damaged.execute("UPDATE facts SET text = ?", ("[" * 100_000,))
    damaged.commit()
    damaged.close()
    run = Run.open(started.path)
    for name in ("loss", "run"):
        with pytest.raises(NetvetError, match="cannot read"):
            run.get(name)
    with warnings.catch_warnings():
        assert Run.list(started.path.parent)[0].error
