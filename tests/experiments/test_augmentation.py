"""Augmentation that is mild, too strong, breaks labels, or goes on in evaluation."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from netvet.core import NetvetError
from netvet.experiments.augmentation import augmentation
from netvet.experiments.confusion import swapped
from netvet.experiments.readings import read_again
from netvet.experiments.setup import Setup, problem_of
from tests.experiments.regularised import adam, convnet, digits, outcome


class Samples(Dataset):
    """Tensors of which the first is changed each time that a sample is read."""

    def __init__(self, tensors, change=lambda *sample: sample):
        self.tensors, self.change = tensors, change

    def __len__(self):
        return len(self.tensors[0])

    def __getitem__(self, index):
        return self.change(*(t[index] for t in self.tensors))


def augmented(change, held_out=lambda *sample: sample):
    torch.manual_seed(0)  # the loader draws the order of the samples, and the change, when the problem is made
    train, val = digits(400, 160, pictures=True)
    loaders = DataLoader(Samples(train, change), 32, shuffle=True), DataLoader(Samples(val, held_out), 100)
    return problem_of(Setup(convnet, loaders[0], cross_entropy, val=loaders[1], optimizer=adam()))


def noise(x, y):
    return x + 0.1 * torch.randn_like(x), y


def little_left(x, y):
    x = x.roll(torch.randint(-2, 3, (2,)).tolist(), dims=(-2, -1))
    return x.masked_fill(torch.rand(x.shape) < 0.6, -1.0), y


def flipped(*sample):
    return (sample[0].flip(-1), *sample[1:]) if torch.rand(()) < 0.5 else sample


def arrows(count):
    """Bars on the left or on the right, at the top or at the bottom, in noise."""
    y = torch.randint(4, (count,), generator=torch.Generator().manual_seed(count))
    x = 0.3 * torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(count + 1))
    for image, label in zip(x, y, strict=True):
        view = image[0] if label < 2 else image[0].T
        view[:, :2] += 1.0 if label % 2 == 0 else 0.0
        view[:, -2:] += 1.0 if label % 2 == 1 else 0.0
    return x, y


def small_net():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 4))


def test_mild_augmentation_passes(monkeypatch):
    found = outcome(augmentation, augmented(noise), monkeypatch, steps=50)
    assert found.verdict == "passed", found.message
    assert "clean samples" in found.message


def test_augmentation_that_leaves_little_is_too_strong(monkeypatch):
    found = outcome(augmentation, augmented(little_left), monkeypatch, steps=50)
    assert found.verdict == "failed", found.message
    assert found.suspects == ("excessive-augmentation",)
    assert found.evidence["lost"] > 0.3


def test_flips_of_left_and_right_swap_labels(monkeypatch):
    loaders = DataLoader(Samples(arrows(600), flipped), 32), DataLoader(Samples(arrows(200)), 100)
    problem = problem_of(Setup(small_net, loaders[0], cross_entropy, val=loaders[1], optimizer=adam()))
    found = outcome(augmentation, problem, monkeypatch, steps=100)
    assert found.verdict == "failed"
    assert found.suspects == ("label-breaking-augmentation",)
    assert found.evidence["pairs"][0] == (0, 1)


def test_augmentation_in_evaluation_fails(monkeypatch):
    found = outcome(augmentation, augmented(noise, noise), monkeypatch)
    assert found.verdict == "failed"
    assert "held-out samples are not the same" in found.message
    assert found.suspects == ()


def test_samples_that_stay_the_same_pass_without_a_trial(monkeypatch):
    found = outcome(augmentation, augmented(lambda x, y: (x, y)), monkeypatch)
    assert (found.verdict, found.message.count("the same")) == ("passed", 1)


def test_mixed_labels_are_not_judged(monkeypatch):
    def mixup(x, y):
        share = torch.rand(())
        return share * x, share * nn.functional.one_hot(y, 10).float()

    problem = augmented(mixup, lambda x, y: (x, nn.functional.one_hot(y, 10).float()))
    with pytest.raises(NetvetError, match="no single input and class"):
        outcome(augmentation, problem, monkeypatch)


def test_tensors_without_a_loader_are_not_assessed(monkeypatch):
    train, val = digits(200, 200)
    problem = problem_of(Setup(lambda: nn.Linear(64, 10), train, cross_entropy, val=val))
    with pytest.raises(NetvetError, match="DataLoader"):
        outcome(augmentation, problem, monkeypatch)


def masks(change):
    x = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return read_again(DataLoader(Samples((x, (x[:, 0] > 0.5).long()), change), 16))


def test_masks_that_do_not_follow_their_pictures_are_seen():
    found = masks(flipped)
    assert found["left"]["flipped"] == found["mirrored"]["flipped"] > 10


def test_masks_that_follow_are_right():
    def both(x, y):
        return (x.flip(-1), y.flip(-1)) if torch.rand(()) < 0.5 else (x, y)

    found = masks(both)
    assert found["mirrored"]["flipped"] > 10
    assert found["left"]["flipped"] == 0


def test_pictures_whose_masks_stay_break_labels(monkeypatch):
    x = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    pair = (x, (x[:, 0] > 0.5).long())
    loaders = DataLoader(Samples(pair, flipped), 16), DataLoader(Samples(pair), 30)
    net = nn.Conv2d(1, 2, 3, padding=1)
    problem = problem_of(Setup(lambda: nn.Sequential(net), loaders[0], cross_entropy, val=loaders[1]))
    found = outcome(augmentation, problem, monkeypatch)
    assert found.verdict == "failed"
    assert found.suspects == ("label-breaking-augmentation",)


def test_reading_leaves_all_generators_alone():
    generator = torch.Generator().manual_seed(3)
    data = Samples((torch.rand(20, 4), torch.zeros(20)), noise)
    loader = DataLoader(data, 5, shuffle=True, generator=generator)
    before = generator.get_state(), torch.get_rng_state(), np.random.get_state()[1].tolist()
    assert read_again(loader)["changed"] == 20
    assert torch.equal(before[0], generator.get_state())
    assert torch.equal(before[1], torch.get_rng_state())
    assert before[2] == np.random.get_state()[1].tolist()


def test_data_that_cannot_be_read_again_say_why():
    def broken(x, y):
        raise OSError("no such file")

    data = Samples((torch.rand(20, 4), torch.zeros(20)), broken)
    assert "OSError: no such file" in read_again(DataLoader(data, 5))["reason"]
    assert "DataLoader" in read_again([1, 2])["reason"]


def test_classes_that_are_mistaken_one_way_are_not_swapped():
    clean = [np.array([[50, 0], [0, 50]])] * 3
    one_way = [np.array([[100, 0], [60, 40]]), np.array([[99, 1], [61, 39]]), np.array([[100, 0], [58, 42]])]
    near = {(0, 1): 1.0, (1, 0): 1.0}
    assert swapped(one_way, clean, one_way, near) == []
    both = [np.array([[55, 45], [46, 54]]), np.array([[54, 46], [47, 53]]), np.array([[56, 44], [46, 54]])]
    assert swapped(both, clean, both, near) == [(0, 1)]
    assert swapped(both, clean, both, {(0, 1): 9.0, (1, 0): 9.0}) == []  # nothing is left of them
