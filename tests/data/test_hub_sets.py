"""Data sets of Hugging Face, saved to disk or by name, without a network."""

import pickle

import numpy as np
import pytest
from PIL import Image

from netvet.core import NetvetError
from netvet.data.readers import HUB, Wanted, hub, open_source, wanted_paths
from netvet.data.scan import scan

datasets = pytest.importorskip("datasets")
CLASSES = datasets.ClassLabel(names=["no", "yes"])


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def texts(rows):
    columns = {
        "sentence": [f"this is the sentence number {i}" for i in range(rows)],
        "label": [i % 2 for i in range(rows)],
    }
    return datasets.Dataset.from_dict(
        columns, features=datasets.Features({"sentence": datasets.Value("string"), "label": CLASSES})
    )


def test_all_splits_that_were_saved_are_read_with_names_of_classes(tmp_path):
    datasets.DatasetDict({"test": texts(20), "train": texts(50)}).save_to_disk(tmp_path / "saved")
    source = open_source(Wanted(wanted_paths([str(tmp_path / "saved")])))
    assert source.kind == "text"
    rows, *_ = scan(pickle.loads(pickle.dumps(source)))
    assert {name: len(one) for name, one in rows.items()} == {"train": 50, "test": 20}
    assert rows["train"].targets[:3].tolist() == ["no", "yes", "no"]
    assert rows["train"].near.shape == (50, 48)


def test_parts_are_joined_to_the_same_rows(tmp_path, monkeypatch):
    texts(50).save_to_disk(tmp_path / "saved")
    whole = scan(open_source(Wanted({"train": tmp_path / "saved"})))[0]["train"]
    monkeypatch.setattr(hub, "SHARD", 7)
    monkeypatch.setattr(hub, "CHUNK", 3)
    cut = scan(open_source(Wanted({"train": tmp_path / "saved"})))[0]["train"]
    assert np.array_equal(cut.prints, whole.prints)
    assert np.array_equal(cut.features, whole.features)


def test_a_table_is_a_table(tmp_path):
    made = datasets.Dataset.from_dict({"x": [1.5, 2.5], "w": ["a", "b"], "y": [0, 1]})
    made.save_to_disk(tmp_path / "saved")
    source = open_source(Wanted({"train": tmp_path / "saved"}))
    rows = scan(source)[0]["train"]
    assert source.kind == "table"
    assert rows.names == ("x", "w")
    assert rows.targets.tolist() == [0, 1]


def test_pictures_are_images_and_broken_ones_problems(tmp_path):
    pictures = [Image.fromarray(np.full((4, 5, 3), i, np.uint8)) for i in range(6)]
    features = datasets.Features({"picture": datasets.Image(), "label": CLASSES})
    made = datasets.Dataset.from_dict({"picture": pictures, "label": [0, 1] * 3}, features=features)
    stored = made.with_format("arrow")["picture"].to_pylist()
    stored[2] = {"bytes": b"no picture", "path": None}
    made = datasets.Dataset.from_dict({"picture": stored, "label": [0, 1] * 3}, features=features)
    made.save_to_disk(tmp_path / "saved")
    source = open_source(Wanted({"train": tmp_path / "saved"}))
    assert source.kind == "image"
    (chunk,) = source.read(source.shards()[0])
    assert [one[0, 0, 0] for one in chunk.inputs] == [0, 1, 3, 4, 5]
    assert chunk.keys == ["0", "1", "3", "4", "5"]
    assert chunk.targets.tolist() == ["no", "yes", "yes", "no", "yes"]
    assert [(p.key, p.what) for p in chunk.problems] == [("2", "unreadable")]


def test_a_name_is_loaded_by_the_library_with_all_its_splits(monkeypatch):
    asked = []

    def load_dataset(path, name=None):
        asked.append((path, name))
        return datasets.DatasetDict({"train": texts(5), "validation": texts(3)})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    source = open_source(Wanted(wanted_paths([f"{HUB}owner/reviews/en"])))
    assert asked[0] == ("owner/reviews", "en")
    assert {name: len(one) for name, one in scan(source)[0].items()} == {"train": 5, "validation": 3}


def test_a_folder_of_files_can_be_loaded_by_the_library(tmp_path):
    lines = [f'{{"text": "a sentence with number {i}", "label": {i % 2}}}' for i in range(30)]
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.jsonl").write_text("\n".join(lines))
    rows = scan(open_source(Wanted(wanted_paths([f"{HUB}{tmp_path / 'set'}"]))))[0]
    assert {name: len(one) for name, one in rows.items()} == {"train": 30}


def test_what_is_not_there_is_one_clear_line(tmp_path, monkeypatch):
    def load_dataset(path, name=None):
        raise ConnectionError("no\nnetwork")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(NetvetError, match=r"hf:nix: no data set of Hugging Face \(ConnectionError: no network\)"):
        open_source(Wanted(wanted_paths([f"{HUB}nix"])))
