"""Clamps between an error and the loss made of it."""

import pytest
import torch
from torch import nn

X = torch.randn(48, 6, generator=torch.Generator().manual_seed(1))
Y = 3 * X[:, 0]


def shares(watch, loss_of):
    def train():
        torch.manual_seed(0)
        model = nn.Linear(6, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(4):
            optimizer.zero_grad()
            loss_of(model(X).squeeze(1)).backward()
            optimizer.step()

    found = watch(train).get("loss_contract") or ()
    return [r["clamped_errors"] for r in found if r.get("clamped_errors") is not None]


def huber(p):
    away = (p - Y).abs()
    inner = away.clamp(max=1.0)
    return (0.5 * inner**2 + (away - inner)).mean()


@pytest.mark.parametrize(
    "loss_of",
    [
        lambda p: (p - Y).clamp(-1, 1).pow(2).mean(),
        lambda p: torch.clamp(Y - p, -1, 1).abs().sum() / 48,
        lambda p: ((p - Y) ** 2).clamp(max=1.0).mean(),
        lambda p: 0.5 * torch.minimum((p - Y).abs(), torch.tensor(1.0)).square().mean(),
    ],
)
def test_counts_the_errors_that_a_clamp_silences(watch, loss_of):
    (share,) = shares(watch, loss_of)
    assert 0.4 < share < 1.0


@pytest.mark.parametrize(
    "loss_of",
    [
        huber,
        lambda p: (p.clamp(-1, 1) - Y).pow(2).mean(),
        lambda p: (1 - p * Y.sign()).clamp(min=0).pow(2).mean(),
        lambda p: -(p - 1).clamp(max=0).mean(),
        lambda p: torch.minimum(p.exp() * Y, p.exp().clamp(0.8, 1.2) * Y).mean(),
    ],
)
def test_leaves_other_clamps_alone(watch, loss_of):
    assert shares(watch, loss_of) == []
