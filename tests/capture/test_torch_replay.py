"""The first training step runs again on copies, to the same loss, whatever its shape."""

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

X = torch.randn(32, 8, generator=torch.Generator().manual_seed(1))
Y = (X[:, 0] > 0).long()


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(2, 8), nn.Linear(8, 2)

    def forward(self, x):
        h = x.new_zeros(len(x), 8)
        for t in range(4):
            h = self.cell(x[:, 2 * t : 2 * t + 2], h)
        return self.head(h)


class Distribution(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 2)

    def forward(self, x):
        mean, log_std = self.net(x).chunk(2, -1)
        return torch.distributions.Normal(mean, log_std.exp())


def by_cross_entropy(model):
    return functional.cross_entropy(model(X), Y)


def by_hand(model):
    return (model(X).log_softmax(-1)[torch.arange(32), Y] * -1).mean() + 0.01 * sum(
        (p**2).sum() for p in model.parameters()
    )


def by_distribution(model):
    return -model(X).log_prob(X[:, :1]).mean()


def with_dropout_outside(model):
    return functional.cross_entropy(functional.dropout(model(X), 0.3), Y)


CASES = [
    (lambda: nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2)), by_cross_entropy),
    (lambda: nn.Linear(8, 2), by_hand),
    (Cell, by_cross_entropy),
    (Distribution, by_distribution),
    (lambda: nn.Linear(8, 2), with_dropout_outside),
]


@pytest.mark.parametrize(("make", "loss_of"), CASES)
def test_the_replayed_loss_is_the_recorded_one(watch, make, loss_of):
    def train():
        torch.manual_seed(0)
        model = make()
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            loss_of(model).backward()
            optimizer.step()

    (record,) = watch(train).get("replay")
    assert record["ok"], record
    assert record["relative_error"] == 0


def test_both_losses_of_a_gan_are_replayed(watch):
    def train():
        torch.manual_seed(0)
        generator, critic = nn.Linear(2, 8), nn.Linear(8, 1)
        optimizers = torch.optim.Adam(generator.parameters()), torch.optim.Adam(critic.parameters())
        for _ in range(3):
            fake = generator(torch.randn(32, 2))
            optimizers[1].zero_grad()
            (critic(fake.detach()).mean() - critic(X).mean()).backward()
            optimizers[1].step()
            optimizers[0].zero_grad()
            (-critic(fake).mean()).backward()
            optimizers[0].step()

    records = watch(train).get("replay")
    assert [r["ok"] for r in records] == [True, True]


def test_a_model_that_cannot_be_copied_is_a_reason_not_an_error(watch):
    class Uncopyable(nn.Linear):
        def __deepcopy__(self, memo):
            raise RuntimeError("not me")

    def train():
        model = Uncopyable(8, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            by_cross_entropy(model).backward()
            optimizer.step()

    run = watch(train)
    (record,) = run.get("replay")
    assert not record["ok"]
    assert "cannot be copied" in record["reason"]
    assert "not me" in (run.reason("loss_terms") or "")


def test_the_graph_names_the_line_of_each_operation(watch):
    def train():
        model = nn.Sequential(nn.Linear(8, 2), nn.Softmax(1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        by_cross_entropy(model).backward()
        optimizer.step()

    nodes = watch(train).get("graph")
    assert [n["op"] for n in nodes][:3] == ["NllLoss", "LogSoftmax", "Softmax"]
    assert nodes[2]["module"] == "1"
    assert nodes[2]["file"].endswith("test_torch_replay.py")


@pytest.mark.parametrize("norm", [1, 2, "logdet"])
def test_what_the_terms_of_a_loss_do_to_the_weights(watch, norm):
    def train():
        torch.manual_seed(0)
        model = nn.Linear(8, 8)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            error = by_cross_entropy(model)
            if norm == "logdet":
                term = torch.linalg.slogdet(model.weight).logabsdet
            else:
                term = sum(p.abs().pow(norm).sum() for p in model.parameters())
            (error - 0.01 * term).backward()
            optimizer.step()

    data, penalty = sorted(watch(train).get("loss_terms"), key=lambda t: not t["is_data"])
    assert data["away_from_zero"] < 0.8
    if norm == "logdet":
        assert penalty["away_from_zero"] < 1.0
    else:
        assert penalty["away_from_zero"] == 1.0
        assert penalty["degree"] == pytest.approx(norm)


def test_a_probe_that_finds_nothing_says_what_that_means(watch):
    def train():
        torch.manual_seed(0)
        model = nn.Linear(8, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            by_cross_entropy(model).backward()
            optimizer.step()

    run = watch(train)
    assert run.reason("mask_probe") == "no model is given padded sequences"
    assert list(run.get("symmetric_units")) == []
