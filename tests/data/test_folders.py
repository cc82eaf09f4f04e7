"""Folders of files: classes, splits, lists of labels."""

import os
import pickle

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from netvet.core import NetvetError
from netvet.data.readers import Wanted, folders, open_source
from netvet.data.scan import scan
from netvet.data.shard_file import load, save
from netvet.data.summaries import Moments


def write(root, *names):
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)
    return root


def read(root, **wanted):
    source = open_source(Wanted({"": root} if not isinstance(root, dict) else root, **wanted))
    rows, _ = scan(source)
    return source, rows


def labels(rows, split):
    found = rows[split]
    return dict(zip(found.keys, [] if found.targets is None else found.targets.tolist(), strict=True))


def test_each_folder_is_a_class(tmp_path):
    _, rows = read(write(tmp_path, "cat/1.png", "cat/sub/2.JPG", "dog/1.png"))
    assert labels(rows, "data") == {"cat/1.png": "cat", "cat/sub/2.JPG": "cat", "dog/1.png": "dog"}


def test_folders_named_as_splits_are_splits(tmp_path):
    root = write(tmp_path, "val/dog/1.png", "train/cat/1.png", "train/dog/2.png")
    _, rows = read(root)
    assert list(rows) == ["train", "val"]
    assert labels(rows, "val") == {"val/dog/1.png": "dog"}
    assert labels(rows, "train") == {"train/cat/1.png": "cat", "train/dog/2.png": "dog"}


def test_folders_around_all_of_it_are_no_classes(tmp_path):
    root = write(tmp_path, "set/v1/train/cat/1.png", "set/v1/train/dog/2.png", "set/v1/test/cat/3.png")
    _, rows = read(root)
    assert labels(rows, "test") == {"set/v1/test/cat/3.png": "cat"}
    _, flat = read(write(tmp_path / "flat", "images/1.png", "images/2.png"))
    assert flat["data"].targets is None


def test_a_class_may_have_the_name_of_a_split(tmp_path):
    _, rows = read(write(tmp_path, "test_tube/1.png", "flask/2.png"))
    assert labels(rows, "data") == {"test_tube/1.png": "test_tube", "flask/2.png": "flask"}


def test_the_user_names_splits(tmp_path):
    write(tmp_path, "a/cat/1.png", "a/dog/2.png", "b/cat/3.png")
    _, rows = read({"val": tmp_path / "b", "train": tmp_path / "a"})
    assert list(rows) == ["train", "val"]
    assert labels(rows, "val") == {"cat/3.png": "cat"}


def test_a_flat_folder_has_no_labels(tmp_path):
    _, rows = read(write(tmp_path, "1.png", "2.png"))
    assert rows["data"].targets is None
    assert rows["data"].keys == ["1.png", "2.png"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_list_gives_labels_and_further_facts(tmp_path, delimiter):
    root = write(tmp_path / "images", *(f"{i}.png" for i in range(6)))
    lines = [["file", "patient", "label", "age"]] + [[f"{i}.png", f"p{i % 2}", i % 3, 30.5 + i] for i in range(6)]
    (tmp_path / "list.csv").write_text("\n".join(delimiter.join(map(str, line)) for line in lines))
    _, rows = read(root, labels=tmp_path / "list.csv")
    found = rows["data"]
    assert found.targets.dtype == np.int64
    assert found.targets.tolist() == [0, 1, 2, 0, 1, 2]
    assert found.attributes["patient"].tolist() == ["p0", "p1"] * 3
    assert found.attributes["age"].tolist() == [30.5 + i for i in range(6)]


def test_a_list_may_lack_head_endings_and_splits(tmp_path):
    root = write(tmp_path / "images", *(f"{i}.png" for i in range(4)))
    (tmp_path / "plain.csv").write_text("0,cat\n1,dog\n2,cat\n3,dog\n")
    _, rows = read(root, labels=tmp_path / "plain.csv")
    assert rows["data"].targets.tolist() == ["cat", "dog", "cat", "dog"]
    (tmp_path / "split.csv").write_text(
        "name,split,target\n0.png,train,1.5\n1.png,train,2\n2.png,train,3\n3.png,val,4\n"
    )
    _, rows = read(root, labels=tmp_path / "split.csv")
    assert {name: r.targets.tolist() for name, r in rows.items()} == {"train": [1.5, 2, 3], "val": [4]}


def test_what_the_list_or_the_folder_lacks_is_told(tmp_path):
    root = write(tmp_path / "images", "a/1.png", "a/2.png", "b/3.png")
    (tmp_path / "list.csv").write_text("file,label\na/1.png,x\nb/3.png,\n./a/9.png,y\n../secret.png,z\n")
    source, rows = read(root, labels=tmp_path / "list.csv")
    assert labels(rows, "data") == {"a/1.png": "x"}
    assert {p.key: p.what for _, p in source.problems()} == {
        "a/2.png": "no label", "b/3.png": "no label", "a/9.png": "missing file", "../secret.png": "missing file"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("file,label\nz.png,dog\n", "no column names any"),
        ("1.png\n2.png\n", "less than two columns"),
        ("f,a,b\n1.png,1,2\n", "--target"),
        ("", "less than two columns"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_in_one_line(tmp_path, text, why):
    write(tmp_path / "images", "1.png", "2.png")
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(NetvetError, match=why):
        read(tmp_path / "images", labels=tmp_path / "list.csv")


def test_numbers_of_classes_are_not_taken_for_names_of_files(tmp_path):
    write(tmp_path / "images", *(f"{i}.png" for i in range(20)))
    (tmp_path / "list.csv").write_text("label,id\n" + "".join(f"{i % 3},{i}\n" for i in range(20)))
    _, rows = read(tmp_path / "images", labels=tmp_path / "list.csv")
    assert labels(rows, "data")["7.png"] == 1


def test_the_user_names_the_column_of_labels(tmp_path):
    write(tmp_path / "images", "1.png", "2.png")
    (tmp_path / "list.csv").write_text("f,a,b\n1.png,1,2\n2.png,3,4\n")
    _, rows = read(tmp_path / "images", labels=tmp_path / "list.csv", target="b")
    assert rows["data"].targets.tolist() == [2, 4]
    with pytest.raises(NetvetError, match="no column 'c'"):
        read(tmp_path / "images", labels=tmp_path / "list.csv", target="c")


def test_shards_change_with_the_files_and_can_be_read_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "SHARD", 3)
    root = write(tmp_path, *(f"{'ab'[i % 2]}/{i}.png" for i in range(10)))
    source = open_source(Wanted({"": root}))
    shards = source.shards()
    assert [s.count for s in shards] == [3, 3, 3, 1]
    assert [s.first for s in shards] == [0, 3, 6, 9]
    elsewhere = pickle.loads(pickle.dumps(source))
    assert "listed" not in vars(elsewhere)
    keys = [key for s in shards for chunk in elsewhere.read(pickle.loads(pickle.dumps(s))) for key in chunk.keys]
    assert len(keys) == 10
    os.utime(root / "a" / "0.png", ns=(1, 1))
    again = open_source(Wanted({"": root})).shards()
    assert [a.content == b.content for a, b in zip(shards, again, strict=True)] == [False, True, True, True]


def test_rows_are_kept_as_they_are(tmp_path):
    root = write(tmp_path / "images", "1.png", "2.png")
    (tmp_path / "list.csv").write_text("file,label,who\n1.png,x,\n2.png,y,me\n")
    _, rows = read(root, labels=tmp_path / "list.csv")
    found = rows["data"]
    save(tmp_path / "kept.npz", found, Moments.of(found.features))
    kept, _ = load(tmp_path / "kept.npz")
    assert kept.keys == found.keys
    assert kept.attributes["who"].tolist() == [None, "me"]
    assert kept.targets.tolist() == ["x", "y"]


def test_a_folder_without_known_files_is_refused_in_one_line(tmp_path):
    (tmp_path / "notes.xyz").write_text("hello")
    with pytest.raises(NetvetError, match="no file in it has a known ending"):
        open_source(Wanted({"": tmp_path}))
