"""Samples, filters and mean pictures in a form that can be kept: small, and as they enter the net."""

import json
from base64 import b64decode

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from netvet.capture.torch_filter_pictures import MAX_FILTERS, REACH, ZERO
from netvet.capture.torch_fixed_batch import MAX_LOOKS, MAX_SHOWN, _Looks
from netvet.capture.torch_shown import MAX_IDS, MAX_NUMBERS, MAX_SIDE, shown, thumbnails


def photos(n=40, channels=3, side=8):
    """Smooth pictures of 0..255."""
    rng = np.random.default_rng(0)
    slopes = rng.uniform(20, 200, (n, channels, 1, 1)) * np.linspace(0, 1, side)[:, None]
    return torch.from_numpy((slopes + rng.integers(0, 50, (n, 1, 1, side))).clip(0, 255).round())


def pixels(record, at=0, key="shown"):
    raw = np.frombuffer(b64decode(record[key][at]), dtype=np.uint8)
    return raw.reshape(record["height"], record["width"], record["channels"])


def test_normalised_pictures_are_shown_as_they_were():
    original = photos()
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    found = shown({"x": ((original / 255 - mean) / std).float()}, 1 << 20)
    assert (found["kind"], found["normalisation"], found["certain"]) == ("image", "ImageNet", True)
    assert pixels(found).tolist() == original[0].movedim(0, -1).int().tolist()


def test_large_pictures_become_small_ones():
    found = shown({"x": photos(16, side=200).float() / 255}, 30_000)
    sizes = [len(b64decode(text)) for text in found["shown"]]
    assert sum(sizes) <= 30_000
    assert max(found["height"], found["width"]) <= MAX_SIDE
    assert found["normalisation"] == "none, 0 to 1"


def test_thumbnails_are_means_over_areas():
    large = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 1)).astype(np.uint8)
    small = thumbnails(large, 64 * 64)
    assert small.shape == (1, 64, 64, 1)
    expected = large.reshape(64, 2, 64, 2).mean(axis=(1, 3)).round()
    assert np.abs(small[0, :, :, 0].astype(float) - expected).max() <= 1


def test_ids_and_numbers_are_cut_short():
    ids = shown({"x": torch.arange(4000).reshape(4, 1000)}, 100)
    assert (ids["kind"], ids["shown"][1]) == ("ids", list(range(1000, 1000 + MAX_IDS)))
    numbers = shown({"x": torch.full((3, 37), float("nan"))}, 100)
    assert (numbers["kind"], numbers["shown"][0]) == ("numbers", [None] * MAX_NUMBERS)


def test_looks_at_the_fixed_batch_are_bounded_and_end_with_the_last():
    looks = _Looks()
    for step in range(1000):
        looks.add(step, 2 * torch.nn.functional.one_hot(torch.tensor([step % 3]), 3).double())
    found = looks.record()
    assert len(found["steps"]) <= MAX_LOOKS + 1
    assert (found["steps"][0], found["steps"][-1]) == (0, 999)
    assert len(set(np.diff(found["steps"][:-1]))) == 1
    assert found["predicted"] == [[step % 3] for step in found["steps"]]
    assert found["probability"][0] == pytest.approx([np.e**2 / (np.e**2 + 2)], rel=1e-3)


KEPT = {}


class Net(nn.Module):
    def __init__(self, first, width):
        super().__init__()
        self.first, self.head = first, nn.Linear(width, 4)

    def forward(self, x):
        return self.head(F.relu(self.first(x)).flatten(1))


def program(make, x, steps=90):
    torch.manual_seed(0)
    y = torch.arange(len(x)) % 4
    model = make()
    KEPT["init"] = model.first.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    KEPT.update(model=model, x=x, y=y)


X = photos().float() / 255
PROGRAMS = {
    "conv": (lambda: Net(nn.Conv2d(3, 10, 3), 360), X, (3, 3, 3)),
    "flat": (lambda: Net(nn.Linear(64, 12), 12), X[:, 0].flatten(1), (1, 8, 8)),
}


@pytest.mark.parametrize("name", ["conv", "flat"])
def test_first_layer_is_shown_before_and_after(watch, name):
    make, x, shape = PROGRAMS[name]
    (found,) = watch(lambda: program(make, x)).get("first_layer_pictures")
    assert (found["channels"], found["height"], found["width"]) == shape
    for key, weight in (("first", KEPT["init"]), ("last", KEPT["model"].first.weight.detach())):
        one = weight.double().reshape(-1, *shape)[3].movedim(0, -1)
        reach = float(one.abs().max())
        assert found[f"reach_{key}"][3] == pytest.approx(reach, rel=1e-3)
        assert np.abs(pixels(found, 3, key) - (ZERO + REACH * one / reach).numpy()).max() <= 1


def test_first_layers_of_what_is_no_picture_are_not_shown(watch):
    noise = torch.randn(40, 64, generator=torch.Generator().manual_seed(0))
    run = watch(lambda: program(PROGRAMS["flat"][0], noise, 5))
    assert run.get("first_layer_pictures") is None
    assert "whose inputs are pictures" in run.reason("first_layer_pictures")


def test_many_filters_are_evenly_chosen(watch):
    (found,) = watch(lambda: program(lambda: Net(nn.Conv2d(3, 100, 3), 3600), X, 3)).get("first_layer_pictures")
    assert (found["filters"], len(found["first"])) == (100, MAX_FILTERS)
    assert found["reach_first"][-1] == pytest.approx(float(KEPT["init"][-1].abs().max()), rel=1e-3)


def test_fixed_batch_has_samples_labels_and_predictions(watch):
    (found,) = watch(lambda: program(*PROGRAMS["conv"][:2])).get("fixed_batch")
    assert (found["samples"], found["classes"], found["labels"]) == (40, 4, [k % 4 for k in range(MAX_SHOWN)])
    assert pixels(found, 5).tolist() == (KEPT["x"][5] * 255).round().movedim(0, -1).int().tolist()
    assert len(found["steps"]) == len(found["predicted"]) == len(found["probability"]) >= 3
    torch.manual_seed(0)
    with torch.no_grad():
        scores = PROGRAMS["conv"][0]()(KEPT["x"]).double()[:MAX_SHOWN].softmax(1).max(1)
    assert found["predicted"][0] == scores.indices.tolist()
    assert found["probability"][0] == pytest.approx(scores.values.tolist(), rel=1e-3)
    with torch.no_grad():
        last = KEPT["model"](KEPT["x"]).double()[:MAX_SHOWN].softmax(1).max(1)
    assert (found["steps"][-1], found["predicted"][-1]) == (90, last.indices.tolist())
    assert found["probability"][-1] == pytest.approx(last.values.tolist(), rel=1e-3)


def test_mean_pictures_of_all_and_of_each_class(watch):
    (found,) = watch(lambda: program(*PROGRAMS["conv"][:2])).get("mean_images")
    assert found["classes"] == [None, 0, 1, 2, 3]
    picked = KEPT["x"][KEPT["y"] == 2].double().mean(0).movedim(0, -1) * 255
    assert np.abs(pixels(found, 3) - picked.numpy()).max() <= 12  # a class was drawn several times, at random


def test_all_records_of_a_run_are_small(watch):
    """The largest pictures that are kept, and a net of many layers."""

    def make():
        deep = [part for _ in range(60) for part in (nn.Linear(64, 64), nn.Tanh())]
        model = Net(nn.Conv2d(3, 64, 11, stride=8), 64 * 49)
        model.head = nn.Sequential(nn.Linear(64 * 49, 64), *deep, nn.Linear(64, 4))
        return model

    run = watch(lambda: program(make, photos(64, side=64).float() / 255, 50), probes=False)
    names = ("histograms", "fixed_batch", "held_out_predictions", "first_layer_pictures", "mean_images")
    sizes = {name: len(json.dumps(list(map(dict, run.get(name) or ())))) for name in names}
    assert min(sizes.values()) > 2  # all of them are there
    assert sum(sizes.values()) < 300_000, sizes
