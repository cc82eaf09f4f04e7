"""Logs in gzip and ZIP files."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from netvet.capture.logs import find, packed
from tests.logs.conftest import log_of, runs_in, values

ROWS = "epoch,loss\n" + "".join(f"{e},{1 / e:.4f}\n" for e in range(1, 200))


def refusal(path: Path) -> str:
    found = find.read([str(path)])
    assert not found.tables
    (failure,) = found.failures
    assert failure.startswith(f"{path}: ")
    return failure


def test_a_gzip_file_is_read_under_its_own_name(write, tmp_path):
    file = write("exp3.csv.gz", gzip.compress(ROWS.encode()))
    write("config.yaml", "lr: 0.1\n")
    (run,) = runs_in(file)
    assert (run.name, run.path, dict(run.settings)) == ("exp3", str(file), {"lr": 0.1})
    assert len(values(run, "loss")) == 199
    (again,) = runs_in(tmp_path)  # in a folder too
    assert again.path == str(file)


@pytest.mark.parametrize(("suffix", "kind"), [("", "events"), (".gz", "events")])
def test_event_files_may_be_packed(corpus, tmp_path, suffix, kind):
    (file,) = (corpus / "sick" / "learned_by_heart").glob("*tfevents*")
    target = tmp_path / f"{file.name}{suffix}"
    target.write_bytes(gzip.compress(file.read_bytes()) if suffix else file.read_bytes())
    (run,) = runs_in(target)
    assert kind in log_of(run)["form"]
    assert len(values(run, "val_loss")) == 120


def test_of_a_gzip_file_that_is_cut_off_the_beginning_is_read(write):
    whole = gzip.compress("".join(f"{i},{i * i * 7919 % 9973 / 9973}\n" for i in range(20000)).encode())
    file = write("cut.csv.gz", gzip.compress(b"step,loss\n") + whole[: len(whole) // 2])
    (run,) = runs_in(file)
    assert len(values(run, "loss")) > 100
    assert log_of(run)["problems"][-1] == "the gzip file is cut off: only what came before was read"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.log.gz", b"\x1f\x8bnothing of this", "a damaged gzip file: nothing of it can be unpacked"),
        ("a.log.gz", gzip.compress(b""), "empty"),
        ("a.log.gz", gzip.compress(gzip.compress(b"x")), "a gzip file, not a log"),
        ("a.log.gz", gzip.compress(b"\x00\x01\x02" * 100), "a binary file"),
        ("a.zip", b"PK\x03\x04nothing of this", "a damaged ZIP file; unpack it yourself"),
    ],
    ids=["damaged", "empty", "packed-twice", "binary", "damaged-zip"],
)
def test_a_packed_file_that_is_no_log_is_refused_in_one_sentence(write, name, content, says):
    assert says in refusal(write(name, content))


def test_what_is_too_large_unpacked_is_refused(write, tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "MAX_UNPACKED", 1000)
    assert "bytes unpacked, which is the most that is read" in refusal(
        write("a.csv.gz", gzip.compress(b"0" * 10_000_000))
    )
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/train.log", b"0" * 10_000_000)
    assert "bytes unpacked, which is the most that is read" in refusal(tmp_path / "a.zip")


def test_the_folder_in_a_zip_file_is_read_as_one(corpus, tmp_path):
    made = str(tmp_path / "sweep.zip")
    with zipfile.ZipFile(made, "w", strict_timestamps=False) as archive:
        for file in sorted((corpus / "sick").rglob("*")):
            archive.write(file, file.relative_to(corpus / "sick"))
    packed_runs = runs_in(Path(made))
    plain = runs_in(corpus / "sick")
    assert [run.name for run in packed_runs] == [run.name for run in plain]
    assert all(run.path.startswith(made) for run in packed_runs)


def test_nothing_leaves_the_folder_of_a_zip_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../outside.csv", ROWS)
        archive.writestr("/absolute.csv", ROWS)
        archive.writestr("in/side.csv", ROWS)
        archive.writestr("in/side.csv/below.csv", ROWS)
    (run,) = runs_in(tmp_path / "evil.zip")
    assert run.path == f"{tmp_path / 'evil.zip'}/in/side.csv"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.zip"]
    assert not Path("/absolute.csv").exists()


def test_a_zip_file_without_a_log_says_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02.")
    assert "no log in it" in refusal(tmp_path / "model.zip")
