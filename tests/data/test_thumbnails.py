"""Small pictures and texts of samples that an audit keeps."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

import netvet
from netvet.data import thumbnails as small
from netvet.data.audit import Found, Options, gathered
from netvet.data.readers import Wanted, open_source, wanted_paths
from netvet.data.thumbnails import place_of, thumbnails, with_thumbnails
from netvet.store import Run

EVIL = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def folder(tmp_path):
    """Red and blue pictures of 200 x 100 pixels, one of each class with a hostile name."""
    for colour, pixel in (("red", (250, 9, 9)), ("blue", (9, 9, 250))):
        place = tmp_path / "data" / "train" / colour
        place.mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (200, 100), pixel).save(place / (EVIL if number == 0 else f"{number}.png"))
    return tmp_path / "data"


def audited(*targets):
    """What is read of the data, with nothing looked for yet."""
    source = open_source(Wanted(wanted_paths([str(one) for one in targets])))
    return Found(gathered(source, Options()), {}, {}), source


def test_pictures_are_small_true_to_their_colours_and_have_their_labels(folder):
    records = thumbnails(*audited(folder))
    assert 0 < len(records) <= small.MOST
    assert {one["label"] for one in records} == {"red", "blue"}
    for one in records:
        pixels = one["pixels"]
        assert (pixels["width"], pixels["height"], pixels["channels"]) == (small.SIDE, small.SIDE // 2, 3)
        first = np.frombuffer(base64.b64decode(pixels["data"]), dtype=np.uint8)[:3]
        assert first[0 if one["label"] == "red" else 2] == 250
        assert one["key"].startswith(f"train/{one['label']}/")


def test_all_of_them_are_bounded_in_bytes(folder, monkeypatch):
    monkeypatch.setattr(small, "BYTES", 10_000)
    records = thumbnails(*audited(folder))
    assert sum(len(base64.b64decode(one["pixels"]["data"])) for one in records) <= 10_000


def test_samples_that_are_gone_are_said_and_the_others_shown(folder):
    found, source = audited(folder)
    (folder / "train" / "red" / "5.png").unlink()
    found.signals["label_suspects"] = [{"split": "train", "examples": [{"key": "train/red/5.png"}]}]
    first, *others = thumbnails(found, source)
    assert (first["key"], first["pixels"], first["why"]) == ("train/red/5.png", None, "it could not be read again")
    assert all(one["pixels"] for one in others)


def test_names_lead_to_no_file_outside_of_what_was_audited(folder, tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "secret.png")
    found, source = audited(folder)
    outside = ["../secret.png", str(tmp_path / "secret.png"), "train/../../secret.png", "test: ../secret.png"]
    found.signals["label_suspects"] = [{"split": "train", "examples": [{"key": key} for key in outside]}]
    assert [one["pixels"] for one in thumbnails(found, source)[: len(outside)]] == [None] * len(outside)


def test_names_of_several_splits_begin_with_theirs():
    assert place_of("val: a: b", "train", ["train", "val"]) == ("val", "a: b")
    assert place_of("other: a", "train", ["train", "val"]) == ("train", "other: a")
    assert place_of("a", "gone", ["train"]) is None


def test_rows_of_tables_are_texts(tmp_path):
    rows = "\n".join(f"{i},{'' if i == 0 else i / 2},word{i % 2},{i % 2}" for i in range(60))
    (tmp_path / "t.csv").write_text(f"number,half,word,target\n{rows}\n")
    records = thumbnails(*audited(tmp_path / "t.csv"))
    assert all(one["pixels"] is None for one in records)
    assert any(one["text"] == "half -, word word0" for one in records)


def test_a_failure_is_a_reason_and_not_an_error(folder):
    found, _ = audited(folder)

    def shards():
        raise OSError("the disk is gone")

    with_thumbnails(found, SimpleNamespace(shards=shards))
    assert small.SIGNAL not in found.signals
    assert "the disk is gone" in found.missing[small.SIGNAL]


def test_data_sets_of_tensors_are_shown_from_their_lowest_to_their_highest_value(tmp_path):
    pictures = torch.zeros(40, 1, 8, 8)
    pictures[:, 0, 0, 0], pictures[:, 0, 0, 1] = 3.0, -1.0
    pictures += torch.arange(40).reshape(-1, 1, 1, 1) * 1e-3
    found = netvet.audit({"train": TensorDataset(pictures, torch.arange(40) % 2)}, store=tmp_path)
    records = list(Run.open(found.path).get(small.SIGNAL))
    assert records
    for one in records:
        assert np.frombuffer(base64.b64decode(one["pixels"]["data"]), dtype=np.uint8)[:3].tolist() == [255, 0, 64]
