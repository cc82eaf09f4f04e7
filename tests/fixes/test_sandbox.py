"""What a program writes goes to a copy of its folder, and is read back from there."""

import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import torch

from netvet.fixes import sandbox
from netvet.fixes.sandbox import working_copy


def contents(folder):
    """Everything below a folder: kind, bytes, time of change."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        kind = "link" if path.is_symlink() else "dir" if path.is_dir() else "file"
        found[str(path)] = (kind, path.read_bytes() if path.is_file() else None, path.lstat().st_mtime_ns)
    return found


@pytest.fixture
def home(tmp_path):
    """A folder of a user's: data, a log, a checkpoint."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "runs" / "old").mkdir(parents=True)
    (folder / "data" / "x.csv").write_text("1,2\n3,4\n")
    (folder / "log.txt").write_text("first\n")
    (folder / "runs" / "old" / "note").write_text("kept")
    torch.save(torch.ones(3), folder / "model.pt")
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def test_relative_paths_are_read_and_written_in_the_copy(home):
    with working_copy(home) as copy:
        assert Path("data/x.csv").read_text() == "1,2\n3,4\n"
        with open("log.txt", "a") as log:
            log.write("second\n")
        torch.save(torch.zeros(2), "model.pt")
        os.makedirs("out/deep")
        np.save("out/deep/a.npy", np.arange(3))
        assert Path("log.txt").read_text() == "first\nsecond\n"
        assert torch.equal(torch.load("model.pt"), torch.zeros(2))
    assert not copy.exists()


def test_absolute_paths_in_the_folder_go_to_the_copy_and_back(home):
    with working_copy(home):
        (home / "log.txt").write_text("new\n")
        assert (home / "log.txt").read_text() == "new\n"
        with open(home / "log.txt", "r+") as log:
            log.write("NEW")
        assert (home / "log.txt").read_text() == "NEW\n"
        os.makedirs(home / "made" / "below")
        os.makedirs(home / "made" / "below", exist_ok=True)
        assert (home / "made" / "below").is_dir()
        torch.save(torch.zeros(2), home / "made" / "m.pt")
        assert torch.equal(torch.load(home / "made" / "m.pt"), torch.zeros(2))
        assert sorted(os.listdir(home / "made")) == ["below", "m.pt"]
        connection = sqlite3.connect(str(home / "made" / "a.db"))
        connection.execute("create table t (x)")
        connection.close()
        assert (home / "made" / "a.db").exists()


def test_files_can_be_renamed_and_removed(home):
    with working_copy(home):
        os.rename(home / "log.txt", home / "moved.txt")
        assert not (home / "log.txt").exists()
        assert (home / "moved.txt").read_text() == "first\n"
        (home / "temporary").write_text("x")
        os.replace(home / "temporary", home / "moved.txt")
        assert (home / "moved.txt").read_text() == "x"
        (home / "model.pt").unlink()
        assert not os.path.exists("model.pt")
        shutil.rmtree(home / "runs")
        assert not Path("runs").exists()


def test_what_is_too_large_to_copy_is_linked_and_copied_before_it_is_written_to(home, monkeypatch):
    monkeypatch.setattr(sandbox, "MAX_FILE", 4)
    with working_copy(home) as copy:
        assert (copy / "log.txt").is_symlink()
        assert Path("log.txt").read_text() == "first\n"
        with open("log.txt", "a") as log:
            log.write("more\n")
        assert (home / "log.txt").read_text() == "first\nmore\n"
        torch.save(torch.zeros(2), "model.pt")
        os.remove("data/x.csv")


def test_a_tree_of_too_many_files_is_linked(home, monkeypatch):
    monkeypatch.setattr(sandbox, "MAX_FILES", 0)
    with working_copy(home) as copy:
        assert (copy / "runs").is_symlink()
        assert Path("runs/old/note").read_text() == "kept"
        Path("runs/old/note").write_text("changed")
        (home / "runs" / "old" / "new").write_text("x")
        Path("data/x.csv").write_text("5,6\n")
        assert (home / "runs" / "old" / "note").read_text() == "changed"
        shutil.rmtree(home / "runs")


def test_other_folders_are_written_to_elsewhere_too(home, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "log").write_text("a")
    monkeypatch.setattr(sandbox.tempfile, "gettempdir", lambda: str(tmp_path / "none"))
    with working_copy(home, _empty(tmp_path)):
        with open(other / "log", "a") as log:
            log.write("b")
        assert (other / "log").read_text() == "ab"
        os.mkdir(other / "folder")
        Path(other / "folder" / "x").write_text("x")
        assert (other / "folder" / "x").read_text() == "x"
    assert (other / "log").read_text() == "a"
    assert os.listdir(other) == ["log"]


def _empty(tmp_path):
    (tmp_path / "inside").mkdir()
    return tmp_path / "inside"


def test_temporary_files_are_left_alone(home, tmp_path):
    with working_copy(home):
        (tmp_path / "temporary").write_text("x")
    assert (tmp_path / "temporary").read_text() == "x"


def test_trackers_are_offline_and_everything_is_put_back(home, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = os.getcwd(), open, os.open, torch.save
    with working_copy(home) as copy:
        assert os.environ["WANDB_MODE"] == "offline"
        assert os.environ["MLFLOW_TRACKING_URI"].startswith(copy.as_uri())
        assert Path.cwd() == copy
    assert (os.getcwd(), open, os.open, torch.save) == before
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_what_is_no_path_and_what_does_not_exist_behaves_as_ever(home):
    with working_copy(home):
        with pytest.raises(FileNotFoundError):
            (home / "no" / "such").write_text("x")
        with pytest.raises(FileNotFoundError):
            (home / "none").read_text()
        with pytest.raises(FileExistsError):
            os.mkdir(home / "data")
        read, write = os.pipe()
        with open(write, "w") as stream:
            stream.write("x")
        with open(read) as stream:
            assert stream.read() == "x"
