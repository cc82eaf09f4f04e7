"""A scan: equal wherever it runs, kept as it goes, continued where it was broken off."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from netvet.core import NetvetError
from netvet.data.audit import Options, audit
from netvet.data.chunks import Chunk, Problem, Shard
from netvet.data.faults import LOOKS
from netvet.data.readers import Wanted, csv_ranges, open_source, wanted_paths
from netvet.data.scan import Progress, scan
from netvet.executors import workers
from tests.data.test_shard_file import assert_equal

ROOT = Path(__file__).resolve().parents[2]


def write(path, rows=600, seed=0, last=0):
    draw = np.random.default_rng(seed)
    lines = [f"{draw.normal():.6f},w{draw.integers(5)},{draw.integers(3)}" for _ in range(rows)]
    path.write_text("a,w,label\n" + "\n".join(lines) + f"\n{last},w,0\n")


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
    monkeypatch.setattr(csv_ranges, "RANGE", 1500)
    write(tmp_path / "train.csv")
    write(tmp_path / "val.csv", 200, seed=1)
    return open_source(Wanted(wanted_paths(["train=train.csv", "val=val.csv"])))


def assert_same(a, b):
    for left, right in zip(a, b, strict=True):
        assert list(left) == list(right)
        for name in left:
            state = getattr(left[name], "state", None)
            assert_equal(state() if state else left[name], right[name].state() if state else right[name])


PLACES = [pytest.param(None, id="pool"), pytest.param("ray", marks=pytest.mark.filterwarnings("ignore"))]


@pytest.mark.parametrize("where", PLACES)
def test_two_workers_give_what_one_gives(where, source):
    if where == "ray":
        pytest.importorskip("ray")
    assert len(source.shards()) == 8
    with workers(where, 2, "netvet.data.scan") as made:
        assert_same(scan(source, made.run), scan(source))


@pytest.mark.parametrize("size", [400, 5000, 1 << 20])
def test_rows_do_not_depend_on_the_size_of_the_parts(size, source, monkeypatch):
    before = scan(source)[0]
    monkeypatch.setattr(csv_ranges, "RANGE", size)
    assert_equal(scan(source)[0], before)


class Spy:
    """A source that notes what is read."""

    def __init__(self, inner):
        self.inner, self.read_shards = inner, []
        self.kind, self.name, self.here_only = inner.kind, inner.name, False

    def shards(self):
        return self.inner.shards()

    def problems(self):
        return self.inner.problems()

    def read(self, shard):
        self.read_shards.append((shard.split, shard.number))
        return self.inner.read(shard)


def test_what_was_kept_is_not_read_again_and_gives_the_same(source, tmp_path):
    first = scan(source, folder=tmp_path / "kept")
    spy = Spy(source)
    assert_same(scan(spy, folder=tmp_path / "kept"), first)
    assert spy.read_shards == []


def test_a_changed_file_is_read_anew_and_the_other_is_not(source, tmp_path):
    scan(source, folder=tmp_path / "kept")
    write(tmp_path / "val.csv", 200, seed=1, last=7)
    os.utime(tmp_path / "val.csv", ns=(1, 1))
    fresh = open_source(Wanted(wanted_paths(["train=train.csv", "val=val.csv"])))
    spy = Spy(fresh)
    found = scan(spy, folder=tmp_path / "kept")
    assert {split for split, _ in spy.read_shards} == {"val"}
    assert_same(found, scan(fresh))


def test_a_kept_file_that_is_broken_is_read_anew(source, tmp_path):
    first = scan(source, folder=tmp_path / "kept")
    broken = sorted((tmp_path / "kept").iterdir())[0]
    broken.write_bytes(broken.read_bytes()[:100])
    spy = Spy(source)
    assert_same(scan(spy, folder=tmp_path / "kept"), first)
    assert len(spy.read_shards) == 1


class Stopped(Spy):
    """Ctrl-C at the fourth part."""

    def read(self, shard):
        if len(self.read_shards) == 3:
            raise KeyboardInterrupt
        return super().read(shard)


def test_ctrl_c_keeps_what_was_read(source, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        scan(Stopped(source), folder=tmp_path / "kept")
    spy = Spy(source)
    scan(spy, folder=tmp_path / "kept")
    assert len(spy.read_shards) == len(source.shards()) - 3


SLOW = """
import sys, time
from netvet.data.readers import Wanted, csv_ranges, open_source, wanted_paths
from netvet.data import scan
from netvet.data.readers.tables import Tables

csv_ranges.RANGE = 1500
read = Tables.read
def slow(self, shard):
    if shard.number == 4:
        print("at the fifth", flush=True)
        time.sleep(600)
    return read(self, shard)
Tables.read = slow
from pathlib import Path
scan.scan(open_source(Wanted(wanted_paths(["train=train.csv", "val=val.csv"]))), folder=Path("kept"))
"""


def test_a_killed_scan_goes_on_where_it_was(source, tmp_path):
    child = subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "at the fifth\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    spy = Spy(source)
    found = scan(spy, folder=tmp_path / "kept")
    assert spy.read_shards[0] == ("train", 4)
    assert len(spy.read_shards) == len(source.shards()) - 4
    assert_same(found, scan(source))


def test_progress_counts_up_to_all(source):
    told = []
    scan(source, tell=told.append)
    assert [p.done for p in told] == list(range(1, len(source.shards()) + 1))
    assert told[-1].samples == 802
    assert told[-1].shards == len(source.shards())


def test_the_line_of_progress_says_how_far_how_fast_and_how_long_still():
    assert Progress(2, 8, 5000, 10.0).line == "5,000 samples, 500 a second, 2 of 8 shards, 30 s left"


class Made:
    """A source of one part."""

    kind, name, here_only = "tensor", "made", False

    def __init__(self, chunks, problems=()):
        self.chunks, self.found = chunks, problems

    def shards(self):
        return [Shard("train", 0, 0, None, "x")] if self.chunks is not None else []

    def read(self, shard):
        yield from self.chunks

    def problems(self):
        return self.found


def test_no_samples_at_all_is_one_clear_line():
    for chunks in (None, []):
        with pytest.raises(NetvetError, match="made"):
            scan(Made(chunks))


def test_an_error_of_a_worker_is_raised(source):
    def calls(calls, function):
        yield 0, NetvetError("a.csv: cannot be read")

    with pytest.raises(NetvetError, match="cannot be read"):
        scan(source, calls)


def test_problems_of_the_source_come_before_those_of_its_samples():
    chunk = Chunk(["0"], np.zeros((1, 2)), problems=(Problem("1", "b", ""),))
    data = audit(Made([chunk], [("train", Problem("0", "a", ""))]), Options()).data
    assert [p.what for p in data.splits["train"].rows.problems] == ["a", "b"]


def test_a_look_that_fails_costs_no_other(monkeypatch):
    def fails(data):
        raise ZeroDivisionError("none")

    monkeypatch.setattr("netvet.data.faults.features.features", fails)
    found = audit(Made([Chunk(["0"], np.zeros((1, 2)))]), Options())
    assert "ZeroDivisionError: none" in found.missing["data_features"]
    assert found.signals["data_splits"][0]["samples"] == 1


def test_each_look_is_told_after_all_that_was_read():
    told = []
    audit(Made([Chunk(["0"], np.zeros((1, 2)))]), Options(tell=lambda now: told.append(now.line)))
    assert told[0].startswith("1 samples")
    assert told[3] == f"looking at near duplicates, 3 of {len(LOOKS)}"
    assert len(told) == 1 + len(LOOKS)


def test_what_cannot_be_looked_for_says_why():
    found = audit(Made([Chunk(["0"], np.zeros((1, 2)))]), Options())
    assert found.missing["data_tokens"] == "the data are no tokens but of the kind tensor"


def test_the_source_pickles(source):
    assert pickle.loads(pickle.dumps(source)).shards() == source.shards()
