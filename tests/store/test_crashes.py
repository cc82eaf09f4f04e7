from __future__ import annotations

import signal as signals_of_the_system
from pathlib import Path

import pytest

from netvet.core import LayerSeries
from netvet.store import Run, RunWriter
from tests.store.machine import files_in, series_of, start_python, wait_for

TRAINING = """
    import sys, time
    from pathlib import Path
    from netvet.store import RunWriter
    from netvet.store import files
    if sys.argv[2] == "TRUNCATE":
        files._wal_works = lambda file: False
    writer = RunWriter.create(Path(sys.argv[1]), "killed")
    step = 0
    while True:
        writer.append(step, "step_seconds", step * 0.1)
        writer.append_many(step, "param_norm", {f"layer{i}": step + i for i in range(20)})
        step += 1
        time.sleep(0.0002)
"""


@pytest.mark.parametrize("mode", ["WAL", "TRUNCATE"])
def test_is_readable_while_written_and_after_a_kill(tmp_path: Path, mode: str) -> None:
    process = start_python(TRAINING, tmp_path, mode)
    try:
        wait_for(lambda: bool([s for s in Run.list(tmp_path) if s.error is None]))
        run = Run.open(Run.list(tmp_path)[0].path)
        seen: list[int] = []

        def long_enough() -> bool:
            found = run.get("step_seconds")
            seen.append(0 if found is None else len(found))  # type: ignore[arg-type]
            return seen[-1] > 1_500

        wait_for(long_enough)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    assert seen == sorted(seen)
    length = check_training(run)
    assert length >= seen[-1]
    again = RunWriter.join(run.path)
    for step in range(length, length + 1_000):
        again.append(step, "step_seconds", step * 0.1)
        again.append_many(step, "param_norm", {f"layer{i}": step + i for i in range(20)})
    again.close()
    assert check_training(run) == length + 1_000
    assert files_in(run.path) == ["rank0.db"]


def check_training(run: Run) -> int:
    """Every value is there from the first step to the last, the same for all series."""
    found = series_of(run, "step_seconds")
    assert found.steps.tolist() == list(range(len(found)))
    assert found.values.tolist() == [step * 0.1 for step in range(len(found))]
    layers = run.get("param_norm")
    assert isinstance(layers, LayerSeries)
    for i in range(20):
        assert abs(len(layers[f"layer{i}"]) - len(found)) <= 1  # Killed between the two calls.
        assert layers[f"layer{i}"].values.tolist() == [step + i for step in range(len(layers[f"layer{i}"]))]
    return len(found)


def test_a_kill_in_the_middle_of_a_transaction_leaves_the_last_commit(tmp_path: Path) -> None:
    code = """
        import os, signal, sys
        from pathlib import Path
        from netvet.store import RunWriter, files
        files._wal_works = lambda file: False
        writer = RunWriter.create(Path(sys.argv[1]), "killed")
        writer.append(0, "loss", 1.0, "a")
        writer.flush()
        connection = writer._connection
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        for i in range(100):
            connection.execute("INSERT INTO tail (n, data) VALUES (1, ?)", (bytes(20_000),))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    process = start_python(code, tmp_path)
    process.communicate(timeout=120)
    assert process.returncode == -signals_of_the_system.SIGKILL
    (folder,) = tmp_path.iterdir()
    assert "rank0.db-journal" in files_in(folder)
    assert series_of(Run.open(folder), "loss", "a").values.tolist() == [1.0]
