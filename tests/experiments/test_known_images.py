"""Images that are known to be learnable."""

import io
import sys

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

from netvet.core import NetvetError
from netvet.experiments.corpus import corpus, located
from netvet.experiments.known_data import known_data
from tests.experiments.problems import lab

COUNT = 240


@pytest.fixture(autouse=True)
def forgotten():
    corpus.cache_clear()


def pictures():
    found = load_digits()
    whole = zip(found.images[:COUNT], found.target[:COUNT], strict=True)
    return [(Image.fromarray((image * 15).astype(np.uint8)), int(label)) for image, label in whole]


@pytest.fixture
def folder(tmp_path):
    for number, (picture, label) in enumerate(pictures()):
        (tmp_path / f"class {label}").mkdir(exist_ok=True)
        picture.save(tmp_path / f"class {label}" / f"{number}.png")
    (tmp_path / "readme.txt").write_text("no image")
    return tmp_path


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The hub has one data set, which lies here."""

    def png(picture):
        picture.save(made := io.BytesIO(), "png")
        return {"bytes": made.getvalue(), "path": None}

    found = pictures()
    features = datasets.Features({"img": datasets.Image(), "label": datasets.ClassLabel(num_classes=10)})
    rows = {"img": [png(picture) for picture, _ in found], "label": [label for _, label in found]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(str(tmp_path / "train.parquet"))
    real = datasets.load_dataset

    def load(name, split):
        if name != "uoft-cs/cifar10":
            raise ConnectionError(f"couldn't reach {name!r}\non the hub")
        return real(
            "parquet", data_files=str(tmp_path / "train.parquet"), split=split, cache_dir=str(tmp_path / "cache")
        )

    monkeypatch.setattr(datasets, "load_dataset", load)


def convnet():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 9, 4)
    )


class Deaf(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = convnet()

    def forward(self, x):
        return self.net(x * 0.0)


def looking_at(name, model=convnet):
    x = torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    made = lab(model, (x, torch.arange(64) % 4))
    made.problem.details["known_data"] = name
    return made


def test_a_folder_has_a_class_for_each_subfolder(folder):
    found = corpus(str(folder))
    assert found.images.shape == (COUNT, 3, 32, 32)
    assert 0.9 < float(found.images.max()) <= 1.0
    assert torch.equal(torch.bincount(found.labels), torch.tensor(np.bincount(load_digits().target[:COUNT])))
    assert found.train == COUNT * 8 // 10


def test_a_network_learns_the_images_of_a_folder_and_one_that_hears_nothing_does_not(folder):
    outcome = known_data.run(looking_at(str(folder)))
    assert outcome.verdict == "passed", outcome.message
    assert str(folder) in outcome.message
    assert known_data.run(looking_at(str(folder), Deaf)).verdict != "passed"


@pytest.mark.usefixtures("hub")
def test_a_data_set_of_the_hub_is_found_by_its_short_name():
    outcome = known_data.run(looking_at("cifar10"))
    assert outcome.verdict == "passed", outcome.message
    assert outcome.evidence["data"] == "cifar10"
    assert outcome.evidence["chance"] < 0.25


@pytest.mark.usefixtures("hub")
def test_a_data_set_that_cannot_be_loaded_is_told_in_one_line():
    with pytest.raises(NetvetError, match="the data set 'nobody/nothing' cannot be loaded: couldn't reach") as caught:
        corpus("nobody/nothing")
    assert "\n" not in str(caught.value)


def test_what_is_no_folder_of_images_is_told(tmp_path):
    with pytest.raises(NetvetError, match="is no folder; expected one with a subfolder"):
        located(str(tmp_path / "nowhere"))
    (tmp_path / "a").mkdir()
    with pytest.raises(NetvetError, match="has no images in subfolders"):
        corpus(str(tmp_path))
    (tmp_path / "a" / "broken.png").write_text("no image")
    (tmp_path / "b").mkdir()
    pictures()[0][0].save(tmp_path / "b" / "one.png")
    with pytest.raises(NetvetError, match=r"broken\.png cannot be read"):
        corpus(str(tmp_path))


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(NetvetError, match=r"need the package datasets: pip install 'netvet\[corpus\]'"):
        located("cifar10")
