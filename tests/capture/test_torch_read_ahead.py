"""Loaders that somebody reads one batch ahead of the loop: each batch is told of when the model gets it."""

from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

GENERATOR = torch.Generator().manual_seed(1)
X = torch.randn(100, 6, generator=GENERATOR)
Y = X[:, :3].argmax(1)
LEARN, HELD = TensorDataset(X[:60], Y[:60]), TensorDataset(X[60:], Y[60:])


class Ahead:
    """Draws the next batch before it gives the present one, as accelerate does."""

    def __init__(self, data: TensorDataset, change: Any = lambda x: x, **settings: Any) -> None:
        self.loader, self.change = DataLoader(data, **settings), change

    def __iter__(self):
        drawn = iter(self.loader)
        present = next(drawn)
        for following in drawn:
            yield self.change(present[0]), present[1]
            present = following
        yield self.change(present[0]), present[1]


def fit(train, evaluations, epochs=3):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        model.train()
        for x, y in train:
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for x, y in evaluations():
                functional.cross_entropy(model(x), y)


@pytest.mark.parametrize("change", [lambda x: x, lambda x: x / 2], ids=["same", "changed by the loop"])
@pytest.mark.parametrize("size", [16, 40], ids=["three batches", "one batch"])
def test_an_evaluation_that_is_read_ahead_has_all_its_batches(watch, change, size):
    held = Ahead(HELD, change, batch_size=size)
    run = watch(lambda: fit(Ahead(LEARN, batch_size=20, shuffle=True), lambda: held), probes=False)
    found = run.get("evaluations")
    assert [e["samples"] for e in found] == [40, 40, 40]
    assert {e["batches"] for e in found} == {e["loader_batches"] for e in found} == {-(-40 // size)}


def test_what_all_batches_hold_does_not_tell_which_is_used(watch):
    ones = torch.ones(40, 6)
    held = TensorDataset(X[60:], Y[60:], ones)

    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x, mask):
            return self.layer(x * mask)

    class Ahead3(Ahead):
        def __iter__(self):
            present = None
            for following in self.loader:
                if present is not None:
                    yield present
                present = following
            yield present

    def train():
        model = Masked()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            for x, y in DataLoader(LEARN, batch_size=20):
                optimizer.zero_grad()
                functional.cross_entropy(model(x, torch.ones_like(x)), y).backward()
                optimizer.step()
            with torch.no_grad():
                for x, y, mask in Ahead3(held, batch_size=16):
                    functional.cross_entropy(model(x, mask), y)

    found = watch(train, probes=False).get("evaluations")
    assert {e["batches"] for e in found} == {3}
    assert {e["samples"] for e in found} == {40}


def test_batches_are_numbered_as_in_a_plain_loop(watch):
    records = []
    for kind in (DataLoader, Ahead):
        held = kind(HELD, batch_size=16)
        run = watch(lambda kind=kind, held=held: fit(kind(LEARN, batch_size=20), lambda: held), probes=False)
        kept = ("samples", "batches", "batches_drawn", "epochs", "phase")
        records.append([{k: loader[k] for k in kept} for loader in run.get("loaders")])
    assert records[0] == records[1]


def test_a_batch_that_the_loop_leaves_out_is_no_reading_ahead(watch):
    loader = DataLoader(LEARN, batch_size=20)

    class Second:
        def __iter__(self):
            drawn = iter(loader)
            next(drawn)
            yield from drawn

    run = watch(lambda: fit(Second(), lambda: DataLoader(HELD, batch_size=16)), probes=False)
    (found,) = [one for one in run.get("loaders") if one["samples"] == 60]
    assert found["batches_drawn"] == 9


def test_loaders_made_anew_over_the_same_data_are_one_though_somebody_keeps_them(watch):
    kept = []

    def evaluations():
        kept.append(DataLoader(HELD, batch_size=16))
        return kept[-1]

    run = watch(lambda: fit(DataLoader(LEARN, batch_size=20), evaluations), probes=False)
    assert len({e["loader"] for e in run.get("evaluations")}) == 1
    assert len(run.get("val_loss")) == 1


def test_a_number_for_the_whole_batch_is_no_input(watch):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x, count):
            return self.layer(x) / count

    def train():
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for x, y in DataLoader(LEARN, batch_size=20):
            functional.cross_entropy(net(x, torch.tensor(20)), y).backward()
            optimizer.step()

    assert [one["position"] for one in watch(train, probes=False).get("inputs")] == [0]
