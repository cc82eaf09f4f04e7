"""Loaded weights, and whether they are still there when training begins."""

import pytest
import torch
from torch import nn

X, Y = torch.randn(64, 6), torch.randint(3, (64,))


def net():
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))


def fit(model, steps=4, after=lambda: None):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), Y).backward()
        optimizer.step()
        after()


def draw(layer):
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight)


def lost(run):
    return [p["name"] for p in run.get("parameters") if p["overwritten"] and p["name"].endswith("weight")]


@pytest.mark.parametrize("before", [0, 5])
def test_weights_drawn_anew_after_loading_are_lost(watch, before):
    def train():
        first, second = net(), net()
        if before:
            fit(first, before)
        second.load_state_dict(first.state_dict())
        second.apply(draw)
        fit(second)

    run = watch(train, probes=False, every=3)
    assert len(lost(run)) == 2
    assert all(p["drawn_file"].endswith("test_torch_pretraining.py") for p in run.get("parameters") if p["overwritten"])


def test_weights_that_are_kept_or_perturbed_are_not_lost(watch):
    def train():
        first, second, third = net(), net(), net()
        fit(first)
        second.load_state_dict(first.state_dict())
        fit(second)
        third.load_state_dict(first.state_dict())
        with torch.no_grad():
            for p in third.parameters():
                p.mul_(0.8).add_(0.02 * torch.randn_like(p))
        fit(third)

    assert lost(watch(train, probes=False, every=3)) == []


def test_a_moving_average_is_not_lost(watch):
    def train():
        model, average = net(), net()
        average.load_state_dict(model.state_dict())

        def follow():
            with torch.no_grad():
                for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
                    mine.copy_(theirs)

        fit(model, 40, follow)
        with torch.no_grad():
            average(X)
        fit(model, 2)

    assert lost(watch(train, probes=False, every=3)) == []
