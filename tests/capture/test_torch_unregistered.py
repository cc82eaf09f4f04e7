"""Layers that a model uses without knowing them as its own."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

X, Y = torch.randn(32, 6, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 3


class Box:
    def __init__(self, layer):
        self.parts = {"inner": layer}


class Net(nn.Module):
    def __init__(self, keep):
        super().__init__()
        self.layer = nn.Linear(6, 6)
        self._kept = keep
        self.head = nn.Linear(6, 3)

    def used(self):
        kept = self._kept.parts if isinstance(self._kept, Box) else self._kept
        return next(iter(kept.values())) if isinstance(kept, dict) else kept[0] if isinstance(kept, list) else kept()

    def forward(self, x):
        return self.head(self.used()(self.layer(x)))


def train(model, *others):
    optimizer = torch.optim.SGD([*model.parameters(), *(p for o in others for p in o.parameters())], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(model(X), Y).backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("keep", "owner"),
    [
        (lambda layer: [layer], "_kept[0].weight"),
        (lambda layer: {"a": layer}, "_kept['a'].weight"),
        (lambda layer: Box(layer), "_kept.parts['inner'].weight"),
        (lambda layer: lambda: layer, "Linear.weight"),
    ],
)
def test_layers_out_of_sight(watch, keep, owner):
    signals = watch(lambda: train(Net(keep(nn.Linear(6, 6)))))
    records = [r for r in signals.get("unregistered") if r["elements"] == 36]
    assert [r["owner"] for r in records] == [owner]
    assert records[0]["in_optimizer"] is False
    assert {p["model"] for p in signals.get("parameters")} == {"Net"}  # no model of its own


def test_layers_that_the_optimizer_was_given(watch):
    layer = nn.Linear(6, 6)
    signals = watch(lambda: train(Net([layer]), layer))
    assert all(r["in_optimizer"] for r in signals.get("unregistered"))


def test_a_model_whose_method_is_used_is_not_out_of_sight(watch):
    def run():
        teacher, model = nn.Linear(6, 3), nn.Linear(6, 6)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(teacher.forward(model(X)), Y).backward()
            optimizer.step()

    assert not [r for r in watch(run).get("unregistered") if r.get("owner")]
