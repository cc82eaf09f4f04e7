"""Small problems that the tests of experiments share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from netvet.experiments.lab import Lab
from netvet.experiments.problem import Problem
from netvet.experiments.setup import Setup, problem_of


def digits(samples: int = 600) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as [samples, 64], classes as [samples]."""
    found = load_digits()
    x = torch.tensor(found.data[:samples] / 16 - 0.3, dtype=torch.float32)
    return x, torch.tensor(found.target[:samples])


def mlp(inputs: int = 64, outputs: int = 10, hidden: int = 48) -> nn.Module:
    """A network that learns digits."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def adam(model: nn.Module) -> torch.optim.Optimizer:
    """At 3e-3, which suits the networks here."""
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)


def problem(
    make: Callable[[], nn.Module] = mlp, train: Any = None, loss: Any = F.cross_entropy, **more: Any
) -> Problem:
    """Digits and a network, unless other things are given."""
    given = {"optimizer": adam, **more}
    if "step" in given:
        loss = None
    return problem_of(Setup(model=make, train=digits() if train is None else train, loss=loss, **given))


def lab(make: Callable[[], nn.Module] = mlp, train: Any = None, loss: Any = F.cross_entropy, **more: Any) -> Lab:
    """A lab of such a problem, with a minute of time."""
    return Lab(problem(make, train, loss, **more), seconds=60.0)
