from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest

from netvet.core import NetvetError
from netvet.store import Run, RunWriter, files, writer
from tests.store.machine import files_in, run_python, series_of, tiny_disk, wait_for


@pytest.mark.parametrize("name", ["train.py", "../../etc/x y", "模型", "a" * 500, "", ".."])
def test_the_name_is_made_safe_for_a_path(tmp_path: Path, name: str) -> None:
    made = RunWriter.create(tmp_path / "new" / "runs", name)
    made.close()
    assert made.path.parent == tmp_path / "new" / "runs"
    assert Run.list(tmp_path / "new" / "runs")[0].name == name


def test_two_writers_at_once_have_folders_of_their_own(tmp_path: Path) -> None:
    writers = [RunWriter.create(tmp_path, "same") for _ in range(3)]
    for number, one in enumerate(writers):
        one.append(0, "loss", number, "a")
    for one in writers:
        one.close()
    assert len({one.path for one in writers}) == 3
    assert [series_of(Run.open(one.path), "loss", "a").values.tolist() for one in writers] == [[0], [1], [2]]
    assert [s.path for s in Run.list(tmp_path)] == [one.path for one in reversed(writers)]


def test_ranks_share_a_folder(started: RunWriter) -> None:
    other = RunWriter.join(started.path, rank=10)
    started.append(0, "loss", 1.0, "a")
    other.append(0, "loss", 2.0, "a")
    other.close()
    started.close()
    assert series_of(Run.open(started.path), "loss", "a").values.tolist() == [1.5]
    assert series_of(Run.open(started.path / "rank10.db"), "loss", "a").values.tolist() == [2.0]


def test_uses_a_rollback_journal_where_wal_does_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = files.sqlite3.connect

    def without_shared_memory(name: str, **options: object) -> sqlite3.Connection:
        return real(f"{name}&vfs=unix-dotfile", **options)  # type: ignore[call-overload, no-any-return]

    with monkeypatch.context() as patched:
        patched.setattr(files.sqlite3, "connect", without_shared_memory)
        made = RunWriter.create(tmp_path, "network")
        assert made._connection.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
        made.append(0, "loss", 1.0, "a")
        made.flush()
        assert series_of(Run.open(made.path), "loss", "a").values.tolist() == [1.0]
        made.close()
        assert made.error is None
    assert files_in(made.path) == ["rank0.db"]


def test_uses_wal_where_it_works(started: RunWriter) -> None:
    assert started._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert not [name for name in files_in(started.path) if "probe" in name]


def test_a_reader_that_stays_does_not_keep_the_file_from_being_archived(started: RunWriter) -> None:
    started.append(0, "loss", 1.0, "a")
    started.flush()
    run = Run.open(started.path)
    assert run.get("loss") is not None
    started.close()
    assert files_in(started.path) == ["rank0.db"]
    assert run.get("loss") is not None
    run.close()


def test_nothing_is_lost_when_the_file_cannot_be_archived(started: RunWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "UNLOCK_TRIES", 2)
    started.append(0, "loss", 1.0, "a")
    started.flush()
    other = sqlite3.connect(started.path / "rank0.db", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM meta").fetchall()
    started.close()
    assert started.error is None
    other.close()
    assert series_of(Run.open(started.path), "loss", "a").values.tolist() == [1.0]


def test_says_so_when_there_can_be_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NetvetError, match=r"cannot store a run in .*file.*; choose a writable folder") as caught:
        RunWriter.create(tmp_path / "file" / "runs", "x")
    assert "\n" not in str(caught.value)


def test_says_so_when_the_folder_is_read_only(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(NetvetError, match=r"cannot store a run in .*: Read-only file system; choose a writable"):
            RunWriter.create(disk, "x")


def test_says_so_when_the_disk_is_full_at_the_start(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "16k") as disk:
        with pytest.raises(NetvetError, match=r"cannot store a run in .*full.*some free space"):
            RunWriter.create(disk, "x")
        assert files_in(disk) == []


def test_goes_silent_when_the_disk_becomes_full(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "1m") as disk:
        made = RunWriter.create(disk, "x")
        made.append(0, "loss", 1.0, "a")
        made.flush()
        fill(made)
        assert "cannot write to" in str(made.error)
        assert "full" in str(made.error)
        made.close()
        assert series_of(Run.open(made.path), "loss", "a").values[0] == 1.0


def test_goes_silent_when_the_file_may_not_grow(tmp_path: Path) -> None:
    code = """
        import resource, sys
        from pathlib import Path
        from netvet.store import Run, RunWriter
        writer = RunWriter.create(Path(sys.argv[1]), "limited")
        writer.append(0, "loss", 1.0, "a")
        writer.flush()
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        for step in range(1, 200_000):
            writer.append(step, "loss", step * 0.1, "a")
        writer.flush()
        writer.append(0, "loss", 2.0, "a")
        writer.close()
        print(writer.error)
    """
    assert "cannot write to" in run_python(code, tmp_path)
    (summary,) = Run.list(tmp_path)
    assert series_of(Run.open(summary.path), "loss", "a").values[0] == 1.0


def fill(chosen: RunWriter) -> None:
    for step in range(200_000):
        chosen.append(step, "loss", 1 + step * 0.1, "a")
    chosen.flush()
    wait_for(lambda: chosen.error is not None)
    for step in range(10):
        chosen.append(step, "loss", 7.0, "a")
