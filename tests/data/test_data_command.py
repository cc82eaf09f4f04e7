"""`netvet data` from the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from netvet.cli import _status
from netvet.data.faults import LOOKS
from netvet.report.as_json import schema

ROOT = Path(__file__).resolve().parents[2]
SOURCE = os.pathsep.join([str(ROOT / "src"), str(ROOT)])


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", SOURCE)
    draw = np.random.default_rng(0)
    for name, rows in (("train", 400), ("val", 100)):
        lines = [f"{draw.normal():.6f},w{draw.integers(5)},{draw.integers(3)}" for _ in range(rows)]
        (tmp_path / f"{name}.csv").write_text("a,w,label\n" + "\n".join(lines) + "\n")
    return tmp_path


DATA = ["data", "train=train.csv", "val=val.csv"]


def test_says_what_the_data_are_and_writes_it(capsys):
    assert _status([*DATA, "--json", "found.json"]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[1].split()[:5] == ["train", "400", "table", "2", "columns"]
    found = json.loads(Path("found.json").read_text())
    jsonschema.validate(found, schema())
    assert [one["samples"] for one in found["data"]["splits"]] == [400, 100]
    assert {one["feature"] for one in found["data"]["features"]} == {"a", "w"}


def test_splits_of_another_form_are_named(place, capsys):
    draw = np.random.default_rng(0)
    np.savez("wide.npz", x_train=draw.normal(size=(60, 6)), x_test=draw.normal(size=(60, 4)))
    assert _status(["data", "wide.npz"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "! samples of test are of another form than those of train (4 values against 6 values)" in told


def test_features_are_shown_when_asked_for(capsys):
    _status([*DATA, "--verbose"])
    assert "Features of val:" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["diagnose", "report"])
def test_a_stored_audit_is_judged_again_as_it_was(command, capsys):
    _status(DATA)
    before = capsys.readouterr().out
    _status([command])
    assert capsys.readouterr().out == before
    _status([command, "--json", "again.json"] if command == "diagnose" else [command, "--format", "json"])
    out = capsys.readouterr().out
    found = json.loads(Path("again.json").read_text() if command == "diagnose" else out)
    assert len(found["not_assessed"]) + found["checks_looked"] <= len(LOOKS) + 20
    assert not {one["check"] for one in found["not_assessed"]} & {"dead-relu", "lr-too-high", "token-out-of-range"}


def test_settings_of_checks_of_trainings_harm_no_audit(place, capsys):
    (place / "pyproject.toml").write_text(
        '[tool.netvet]\nskip = ["dead-relu"]\n[tool.netvet.checks.dead-relu]\nlimit = 0.5\n'
    )
    assert _status(DATA) == 0
    assert capsys.readouterr().err == ""


def test_only_checks_that_look_at_no_data_is_a_mistake(capsys):
    assert _status([*DATA, "--only", "dead-relu"]) == 2
    assert "looks at no data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["data", "nix.csv"], "there is no such file"),
        (["data", "train=train.csv", "train=val.csv"], "two paths"),
        (["data", "train.csv", "--target", "nix"], "no such column"),
        (["data", "train.csv", "--on", "moon"], "expected ray"),
        (["data", "train.xyz"], "no reader"),
    ],
)
def test_a_mistake_is_one_line(arguments, match, place, capsys):
    (place / "train.xyz").touch()
    assert _status(arguments) == 2
    told = capsys.readouterr().err
    assert match in told
    assert told.count("\n") == 1


def test_a_changed_file_is_read_anew_and_others_are_not(place, capsys):
    _status(DATA)
    kept = {p.name: p.stat().st_mtime_ns for p in (place / ".netvet" / "data").iterdir()}
    with (place / "val.csv").open("a") as file:
        file.write("1,w1,0\n")
    capsys.readouterr()
    _status(DATA)
    assert capsys.readouterr().out.splitlines()[2].split()[1] == "101"
    now = {p.name: p.stat().st_mtime_ns for p in (place / ".netvet" / "data").iterdir()}
    assert kept.items() <= now.items()
    assert len(now) == len(kept) + 1


def test_fresh_reads_all_again(place):
    _status(DATA)
    kept = {p.name: p.stat().st_mtime_ns for p in (place / ".netvet" / "data").iterdir()}
    _status([*DATA, "--fresh"])
    now = {p.name: p.stat().st_mtime_ns for p in (place / ".netvet" / "data").iterdir()}
    assert kept.keys() == now.keys()
    assert all(kept[name] < now[name] for name in kept)


def test_tokens_that_a_vocabulary_lacks_are_a_fault(place, capsys):
    (np.arange(1000) % 65 + 1).astype(np.uint16).tofile(place / "train.bin")
    assert _status(["data", "train.bin", "--vocabulary", "65"]) == 1
    told = capsys.readouterr().out
    assert "4 of 4 windows of train" in told
    assert "count from 1" in told
    assert _status(["data", "train.bin", "--vocabulary", "66"]) == 0
    assert _status(["data", "train.bin"]) == 0


LOADED = """
import sys
from netvet.cli import _status
_status(sys.argv[1:])
print("LOADED", *sys.modules)
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_files_are_audited_without_a_framework(jobs):
    command = [sys.executable, "-c", LOADED, *DATA, "--jobs", jobs]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert not loaded & {"torch", "netvet.experiments", "netvet.capture", "polars"}
    assert "train" in done.stdout


HANGING = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
from netvet.cli import main
from netvet.data.readers import csv_ranges, tables
csv_ranges.RANGE = 1000
read = tables.Tables.read
def slow(self, shard):
    if shard.number == 3:
        print("at the fourth", flush=True)
        time.sleep(600)
    return read(self, shard)
tables.Tables.read = slow
main(sys.argv[1:])
"""


def test_ctrl_c_keeps_what_was_read_and_says_so(place):
    child = subprocess.Popen(
        [sys.executable, "-c", HANGING, *DATA], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "at the fourth\n"
    child.send_signal(signal.SIGINT)
    _, told = child.communicate()
    assert child.returncode == 130
    assert told.startswith("netvet: stopped; what was read is kept in ")
    assert told.count("\n") == 1
    assert len(list((place / ".netvet" / "data").iterdir())) == 3


def test_ctrl_c_reaches_workers_without_a_word_of_theirs(place):
    rows = "\n".join(f"{i % 97},w{i % 5},{i % 3}" for i in range(1_500_000))
    (place / "train.csv").write_text(f"a,w,label\n{rows}\n")
    child = subprocess.Popen(
        [sys.executable, "-m", "netvet", *DATA, "--jobs", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while child.poll() is None and not list(place.glob(".netvet/data/*.npz")):
        time.sleep(0.01)
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGINT)
    _, told = child.communicate()
    assert "Traceback" not in told
    assert child.returncode in (0, 1, 130)  # it may have ended by itself
