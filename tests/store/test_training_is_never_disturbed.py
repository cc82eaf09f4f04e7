from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from netvet.core import LayerSeries
from netvet.store import Run, RunWriter, writer
from tests.store.machine import files_in, run_python, series_of


def test_what_cannot_be_stored_is_explained_and_not_raised(started: RunWriter) -> None:
    record: dict[str, object] = {}
    record["itself"] = record
    started.append(0, "loss", "no number", "a")  # type: ignore[arg-type]
    started.append_many(0, "lr", {"Adam/0": None})  # type: ignore[dict-item]
    started.append(1 << 70, "step_seconds", 1.0)
    started.append(1, "step_seconds", 2.0)
    started.put_facts("modules", [record])
    started.flush()
    started.flush()
    run = Run.open(started.path)
    assert run.reason("loss") == "a value could not be stored (ValueError)"
    assert run.reason("lr") == "a value could not be stored (TypeError)"
    assert run.reason("step_seconds") == "a value could not be stored (OverflowError)"
    assert run.reason("modules") == "a value could not be stored (RecursionError)"
    assert series_of(run, "step_seconds").values.tolist() == [2.0]
    assert started.error is None


def test_holds_no_reference_to_a_value(started: RunWriter) -> None:
    class Number(float):
        gone = False

        def __del__(self) -> None:
            Number.gone = True

    started.append(0, "loss", Number(1.0), "a")
    assert Number.gone


def test_drops_values_rather_than_fill_the_memory(started: RunWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE_LIMIT", 0)
    started.append(0, "loss", 1.0, "a")
    started.append_many(0, "loss", {"a": 1.0, "b": 2.0})
    monkeypatch.setattr(writer, "QUEUE_LIMIT", 10)
    started.append(1, "loss", 3.0, "a")
    started.flush()
    run = Run.open(started.path)
    assert run.reason("loss") == "incomplete: 3 values were dropped because the disk was too slow"
    assert series_of(run, "loss", "a").values.tolist() == [3.0]


def test_several_threads_may_append(started: RunWriter) -> None:
    def work(key: str) -> None:
        for step in range(2_000):
            started.append(step, "loss", step, key)

    threads = [threading.Thread(target=work, args=(f"thread{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started.close()
    found = Run.open(started.path).get("loss")
    assert isinstance(found, LayerSeries)
    assert {key: s.values.tolist() for key, s in found.items()} == {f"thread{i}": list(range(2_000)) for i in range(4)}


def test_waits_for_a_file_that_another_process_locks(started: RunWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    started._connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(started.path / "rank0.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started.append(0, "loss", 1.0, "a")
    started.flush()
    assert Run.open(started.path).get("loss") is None
    other.execute("ROLLBACK")
    other.close()
    started.append(1, "loss", 2.0, "a")
    started.flush()
    assert started.error is None
    assert series_of(Run.open(started.path), "loss", "a").values.tolist() == [1.0, 2.0]


def test_a_writer_in_a_forked_child_does_nothing(tmp_path: Path) -> None:
    code = """
        import os, sys, warnings
        from pathlib import Path
        from netvet.store import RunWriter
        warnings.simplefilter("ignore", DeprecationWarning)
        writer = RunWriter.create(Path(sys.argv[1]), "fork")
        for step in range(1_000):
            writer.append(step, "loss", step, "a")
        child = os.fork()
        if child == 0:
            writer.append(0, "loss", -1.0, "a")
            writer.put_facts("run", [])
            writer.flush()
            writer.close()
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        for step in range(1_000, 2_000):
            writer.append(step, "loss", step, "a")
    """
    run_python(code, tmp_path)
    (summary,) = Run.list(tmp_path)
    run = Run.open(summary.path)
    assert series_of(run, "loss", "a").values.tolist() == list(range(2_000))
    assert run.names() == ["loss"]


def test_everything_is_written_when_the_interpreter_exits(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from netvet.store import RunWriter
        writer = RunWriter.create(Path(sys.argv[1]), "exit")
        for step in range(100_000):
            writer.append(step, "loss", step, "a")
        writer.put_facts("run", [{"steps": 100_000}])
    """
    run_python(code, tmp_path)
    (summary,) = Run.list(tmp_path)
    assert summary.steps == 100_000
    assert files_in(summary.path) == ["rank0.db"]
    assert series_of(Run.open(summary.path), "loss", "a").values.tolist() == list(range(100_000))


def test_nothing_after_close_does_anything(started: RunWriter) -> None:
    started.append(0, "loss", 1.0, "a")
    started.close()
    started.append(1, "loss", 2.0, "a")
    started.put_facts("run", [])
    started.explain_missing("lr", "late")
    started.flush()
    started.close()
    assert Run.open(started.path).names() == ["loss"]
    assert started.error is None
