"""Texts in files: a line or a file each, classes by folder, what is no text; near copies have near signatures."""

import json
import random

import numpy as np
import pytest

from netvet.core import NetvetError
from netvet.data.chunks import Chunk
from netvet.data.describe import describe
from netvet.data.describe.text import HASHES, signatures
from netvet.data.readers import Wanted, open_source, tables, texts
from netvet.data.scan import scan


def read(path, **wanted):
    source = open_source(Wanted({"": path}, **wanted))
    return source, scan(source)[0]


def sentences(count, words=30, seed=0):
    draw = random.Random(seed)
    known = ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(2, 9))) for _ in range(2000)]
    return [" ".join(draw.choices(known, k=words)) for _ in range(count)]


def test_a_folder_has_a_text_a_file_and_a_class_a_folder(tmp_path):
    for split, label, number in [("train", "pos", 0), ("train", "neg", 1), ("train", "neg", 2), ("test", "pos", 3)]:
        (tmp_path / split / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / split / label / f"{number}.txt").write_text(f"text {number}")
    source, rows = read(tmp_path)
    assert source.kind == "text"
    assert {name: one.targets.tolist() for name, one in rows.items()} == {
        "train": ["neg", "neg", "pos"],
        "test": ["pos"],
    }
    assert rows["train"].keys == ["train/neg/1.txt", "train/neg/2.txt", "train/pos/0.txt"]


def test_a_file_has_a_text_a_line_however_it_is_cut(tmp_path, monkeypatch):
    lines = ["one", "", "two, too", "ünd drei", "   ", "four"] * 50
    (tmp_path / "all.txt").write_text("\n".join(lines))
    _, whole = read(tmp_path / "all.txt")
    monkeypatch.setattr(texts, "BYTES", 64)
    source, cut = read(tmp_path / "all.txt")
    assert len(source.shards()) > 5
    assert cut["all"].keys == whole["all"].keys
    assert len(cut["all"]) == 200
    assert cut["all"].keys[:3] == ["all.txt:1", "all.txt:3", "all.txt:4"]
    assert np.array_equal(cut["all"].prints, whole["all"].prints)


def test_a_file_for_each_split_in_a_folder_has_a_text_a_line(tmp_path):
    (tmp_path / "train.txt").write_text("a\nb\nc\n")
    (tmp_path / "val.txt").write_text("d\n")
    assert {name: len(one) for name, one in read(tmp_path)[1].items()} == {"train": 3, "val": 1}


def test_what_is_no_text_is_a_problem_of_its_file(tmp_path):
    for name, content in {
        "a": b"good",
        "b": b"",
        "c": b" \n ",
        "d": b"\x89PNG\0\0",
        "e": b"caf\xe9",
        "f\x1b[31m": b"named to harm",
    }.items():
        (tmp_path / f"{name}.txt").write_bytes(content)
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    source, splits = read(tmp_path)
    rows = splits["data"]
    assert {(p.key, p.what) for p in rows.problems} == {("c.txt", "empty"), ("d.txt", "no text")}
    assert {(p.key, p.what) for _, p in source.problems()} == {
        ("b.txt", "empty"),
        ("loop.txt", "link loop"),
        ("f\\x1b[31m.txt", "odd name"),
    }
    assert len(rows) == 3
    assert rows.attributes["share of unknown characters"].tolist() == [0, 0.25, 0]


def test_a_text_that_is_too_large_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "MAX_BYTES", 100)
    (tmp_path / "a.txt").write_text("x" * 101)
    (tmp_path / "b.txt").write_text("x" * 100)
    rows = read(tmp_path)[1]["data"]
    assert [(p.key, p.what) for p in rows.problems] == [("a.txt", "too large")]
    assert len(rows) == 1


def test_an_empty_file_and_a_folder_without_texts_are_told(tmp_path):
    (tmp_path / "a.txt").touch()
    assert [p.what for p in read(tmp_path / "a.txt")[1]["a"].problems] == ["empty"]
    (tmp_path / "a.txt").unlink()
    with pytest.raises(NetvetError, match="known ending"):
        read(tmp_path)


def test_json_lines_with_broken_ones_keep_the_rest(tmp_path):
    good = [json.dumps({"text": t, "label": i % 2, "extra": {"a": [1]}}) for i, t in enumerate(sentences(60))]
    lines = [*good[:10], "{broken", "[1]", "", *good[10:]]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    source, rows = read(tmp_path / "a.jsonl")
    assert source.kind == "text"
    assert isinstance(source, tables.Tables)
    assert [(p.key, p.what) for p in rows["a"].problems] == [("10", "broken row"), ("11", "broken row")]
    assert rows["a"].keys[9:12] == ["9", "13", "14"]
    assert rows["a"].targets.tolist() == [i % 2 for i in range(60)]


def test_json_lines_with_numbers_are_a_table(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(f'{{"x": {i * i % 7}, "w": "a", "y": {i % 2}}}\n' for i in range(50)))
    source, rows = read(tmp_path / "a.jsonl")
    assert source.kind == "table"
    assert rows["a"].names == ("x", "w")


def test_attributes_count_as_a_person_would():
    found = describe("text", Chunk(["0", "1"], ["Two words, 2", ""])).attributes
    assert {name: values.tolist() for name, values in found.items()} == {
        "characters": [12, 0],
        "words": [3, 0],
        "share of non-letters": [2 / 12, 0],
        "share of unknown characters": [0, 0],
        "share of capitals": [1 / 12, 0],
        "share of different words": [1, 0],
    }


def shingled(text):
    words = text.lower().split()
    return {" ".join(words[i : i + 3]) for i in range(len(words) - 2)}


@pytest.mark.parametrize("changed", [0, 1, 3, 10, 30])
def test_signatures_tell_how_alike_two_texts_are(changed):
    before = sentences(200)
    other = sentences(200, changed, seed=1) if changed else [""] * 200
    after = [f"{a.rsplit(' ', changed)[0]} {b}" if changed else a for a, b in zip(before, other, strict=True)]
    a, b = signatures(before).view(np.uint32), signatures(after).view(np.uint32)
    assert a.shape == (200, HASHES)
    found = (a == b).mean(axis=1)
    pairs = [(shingled(x), shingled(y)) for x, y in zip(before, after, strict=True)]
    jaccard = np.array([len(x & y) / len(x | y) for x, y in pairs])
    assert abs(found.mean() - jaccard.mean()) < 0.02
    assert np.abs(found - jaccard).max() < 4 / np.sqrt(HASHES)


def test_features_of_like_texts_are_near_and_of_others_are_not():
    texts = sentences(100)
    rows = describe("text", Chunk([str(i) for i in range(101)], [*texts, texts[0] + " more"]))
    like = rows.features @ rows.features[0]
    assert np.linalg.norm(rows.features, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert like[100] > 0.95 > like[1:100].max()


def test_features_of_a_text_do_not_depend_on_its_neighbours():
    texts = ["", "a", "ab", *sentences(20), "日本語" * 5]
    together = describe("text", Chunk([str(i) for i in range(len(texts))], texts))
    alone = [describe("text", Chunk(["0"], [t])) for t in texts]
    assert np.allclose(together.features, np.concatenate([a.features for a in alone]), atol=1e-6)
    assert np.array_equal(together.near, np.concatenate([a.near for a in alone]))
    assert np.array_equal(together.prints, np.concatenate([a.prints for a in alone]))
