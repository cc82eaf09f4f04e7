"""Small problems for the tests of experiments."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import nn

from netvet.experiments.lab import Lab
from netvet.experiments.problem import Problem
from netvet.experiments.setup import Setup, problem_of


def digits(*, shuffled: bool = False, scale: float = 1 / 16) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Training and held-out images [n, 64] with their labels; `shuffled`: labels of other images."""
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))
    x, y = torch.tensor(data.data, dtype=torch.float32)[order] * scale, torch.tensor(data.target)[order]
    if shuffled:
        y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(1))]
    return {"train": (x[:1200], y[:1200]), "val": (x[1200:], y[1200:])}


def net(inputs: int = 64, outputs: int = 10, width: int = 64) -> nn.Module:
    """Two layers."""
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


def adam(model: nn.Module) -> torch.optim.Optimizer:
    """At a rate that learns the digits within a hundred steps."""
    return torch.optim.Adam(model.parameters(), lr=3e-3)


def lab_of(model=net, loss=nn.functional.cross_entropy, **given) -> Lab:  # type: ignore[no-untyped-def]
    """A lab with time enough; digits, where no data are given."""
    data = {} if "train" in given else digits()
    return Lab(problem_of(Setup(model, loss=loss, **{"optimizer": adam, **data, **given})), seconds=300)


def autoencoder() -> Problem:
    """No targets: the loss compares with the inputs."""

    def step(model: nn.Module, batch: list[torch.Tensor]) -> torch.Tensor:
        return nn.functional.mse_loss(model(batch[0]), batch[0])

    batches = [[x] for x in digits()["train"][0].split(32)]
    return problem_of(Setup(lambda: net(64, 64), train=batches, step=step))
