"""Pictures that enter convolutions with mixed axes, and what only looks like it."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_images

from netvet.data.axes import convolved, mixed_axes
from netvet.data.net_inputs import Shown


def photos(seed, side=32):
    """[n, H, W, 3] of 0..1."""
    random, images = np.random.default_rng(seed), load_sample_images().images
    places = [(i % 2, random.integers(0, 427 - side), random.integers(0, 640 - side)) for i in range(64)]
    return np.stack([images[i][y : y + side, x : x + side] for i, y, x in places]) / 255


def colours(seed):
    """Discs of a colour on another."""
    random, (y, x) = np.random.default_rng(seed), np.mgrid[-12:12, -12:12]
    inside = [(y**2 + x**2 < r**2)[..., None] for r in random.uniform(4, 11, 64)]
    return np.stack([np.where(i, a, b) for i, a, b in zip(inside, *random.random((2, 64, 3)), strict=True)])


def axes(values, channels):
    return [r["axes"] for r in mixed_axes([Shown("train", np.ascontiguousarray(values))], channels)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [photos, lambda s: photos(s, 64), colours])
def test_channels_last_and_reshaped_pictures_are_seen_and_others_not(make, seed):
    images = make(seed)
    n, side = images.shape[:2]
    moved = np.moveaxis(images, 3, 1)
    assert axes(images, {side, 64}) == ["last"]
    assert axes(images, {3, side, 64}) == []  # the net moves the axes itself
    assert axes(images.reshape(n, 3, side, side), {3, 64}) == ["reshaped"]
    assert axes((images.reshape(n, 3, side, side) - 0.45) / 0.22, {3, 64}) == ["reshaped"]
    assert axes(moved, {3, 64}) == []


def enlarged(seed):
    """Three times larger, without smoothing."""
    return np.moveaxis(photos(seed, 16), 3, 1).repeat(3, axis=2).repeat(3, axis=3)


def grey(seed):
    return np.moveaxis(photos(seed), 3, 1).mean(axis=1, keepdims=True).repeat(3, axis=1)


def digits(_):
    return load_digits().images[:64, None].repeat(3, axis=1)


def spectrograms(seed):
    """Three channels of bands that change slowly in time."""
    bands = np.random.default_rng(seed).normal(size=(64, 3, 24, 40))
    return np.cumsum(bands, axis=3)


def boards(seed):
    return np.eye(3)[np.random.default_rng(seed).integers(0, 3, (64, 8, 8))]


def stacked_frames(seed):
    frames = photos(seed).mean(axis=3)
    return np.stack([np.roll(frames, shift, axis=2) for shift in range(4)], axis=1)


def narrow(seed):
    """Features of 16 channels that are 3 pixels wide."""
    return np.cumsum(np.random.default_rng(seed).normal(size=(64, 16, 16, 3)), axis=2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [enlarged, grey, digits, spectrograms, stacked_frames, narrow])
def test_other_inputs_of_convolutions_are_silent(make, seed):
    values = make(seed)
    assert axes(values, {values.shape[1], 64}) == []


@pytest.mark.parametrize("seed", range(3))
def test_boards_are_silent(seed):
    values = boards(seed)
    assert axes(values, {8, 64}) == []
    assert axes(np.moveaxis(values, 3, 1), {3, 64}) == []


def test_blank_pictures_and_nets_without_convolutions_are_silent():
    assert axes(np.zeros((8, 3, 16, 16)), {3}) == []
    assert axes(photos(0), set()) == []
    torch = pytest.importorskip("torch")
    assert convolved(None) == set()
    assert convolved(torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 4, 3))) == {3, 8}
