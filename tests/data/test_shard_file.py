"""What a shard has left comes back from its file as it was, and nothing in a file is ever run."""

import pickle

import numpy as np
import pytest

from netvet.data import shard_file
from netvet.data.chunks import Chunk, Problem
from netvet.data.describe import describe, fingerprints
from netvet.data.index import Rows
from netvet.data.sketches import sketched
from netvet.data.summaries import Moments


def leavings(kind="table", targets=None, rows=200):
    draw = np.random.default_rng(0)
    words = np.array(["a", None, "ü\ud800", "x" * 200], dtype=object)[draw.integers(0, 4, rows)]
    inputs = {"x": draw.normal(size=rows), "w": words} if kind == "table" else draw.normal(size=(rows, 4, 5))
    attributes = {"time": draw.normal(size=rows), "group": words}
    keys = [f"file {i}" for i in range(rows)]
    chunk = Chunk(keys, inputs, targets, attributes, (Problem("k", "empty", "an empty\nfile"),))
    found = describe(kind, chunk)
    order = fingerprints.of_words(np.arange(rows, dtype=np.uint64)[:, None])
    return found, Moments.of(found.features), sketched(kind, chunk, found, order)


def assert_equal(a, b):
    """Of anything made of arrays, tables and plain values."""
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tolist() == b.tolist() if a.dtype == object else np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    elif isinstance(a, tuple) and a and isinstance(a[0], np.ndarray):
        for one, other in zip(a, b, strict=True):
            assert_equal(one, other)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_equal(a[key], b[key])
    elif hasattr(a, "__dataclass_fields__"):
        for name in a.__dataclass_fields__:
            assert_equal(getattr(a, name), getattr(b, name))
    else:
        assert a == b


TARGETS = {
    "none": None,
    "labels": np.arange(200) % 3,
    "numbers": np.linspace(0, 1, 200),
    "strings": np.array([None, "cat"] * 100, dtype=object),
}


@pytest.mark.parametrize("kind", ["table", "tensor"])
@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_all_comes_back_as_it_was(kind, targets, tmp_path):
    rows, moments, sketches = leavings(kind, targets)
    file = tmp_path / "deep" / "one.npz"
    shard_file.save(file, rows, moments, sketches)
    found = shard_file.load(file)
    assert found is not None
    for before, after in zip((rows, moments.state(), sketches), (found[0], found[1].state(), found[2]), strict=True):
        assert_equal(before, after)
    assert [p.name for p in file.parent.iterdir()] == ["one.npz"]


def test_rows_without_keys_or_samples_come_back(tmp_path):
    empty = Rows(None, np.zeros(0, np.uint64), np.zeros((0, 2), np.float32), np.zeros((0, 0), np.uint64), {}, None)
    chunk = Chunk([], {"x": np.zeros(0), "w": np.zeros(0, object)})
    sketches = sketched("table", chunk, empty, np.zeros(0, np.uint64))
    shard_file.save(tmp_path / "a.npz", empty, Moments.of(empty.features), sketches)
    found = shard_file.load(tmp_path / "a.npz")
    assert found is not None
    assert found[0].keys is None
    assert len(found[0]) == 0
    assert_equal(found[2], sketches)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_half_a_file_is_none(share, tmp_path):
    shard_file.save(tmp_path / "a.npz", *leavings())
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[: int(len(content) * share)])
    assert shard_file.load(tmp_path / "a.npz") is None


def test_nothing_is_nothing(tmp_path):
    assert shard_file.load(tmp_path / "a.npz") is None


def test_a_file_of_another_version_is_read_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(shard_file, "VERSION", 1)
    shard_file.save(tmp_path / "a.npz", *leavings())
    monkeypatch.undo()
    assert shard_file.load(tmp_path / "a.npz") is None


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("was unpickled",))


def test_a_pickle_in_place_of_a_file_is_never_loaded(tmp_path):
    (tmp_path / "a.npz").write_bytes(pickle.dumps(Bomb()))
    assert shard_file.load(tmp_path / "a.npz") is None
    with (tmp_path / "b.npz").open("wb") as file:
        np.savez(file, texts=np.array([Bomb()], dtype=object))
    assert shard_file.load(tmp_path / "b.npz") is None
