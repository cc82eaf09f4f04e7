"""Problems on which regularisers show: digits with few or many samples, labels that are partly wrong, pictures."""

from dataclasses import replace

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

from netvet.experiments import validated
from netvet.experiments.lab import Lab
from netvet.experiments.problem import Problem
from netvet.experiments.setup import Setup, problem_of


def digits(train=400, val=600, *, wrong=0.0, pictures=False):
    """Two pairs of tensors; a share of the training labels is drawn by lot."""
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    x, y = torch.tensor(x, dtype=torch.float32)[order] / 8 - 1, torch.tensor(y)[order]
    if pictures:
        x = x.view(-1, 1, 8, 8)
    if wrong:
        lot = torch.Generator().manual_seed(1)
        chosen = torch.rand(train, generator=lot) < wrong
        y[:train] = torch.where(chosen, torch.randint(0, 10, (train,), generator=lot), y[:train])
    return (x[:train], y[:train]), (x[train : train + val], y[train : train + val])


def mlp(width=32, dropout=0.0):
    return lambda: nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10))


def convnet():
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 64, 10))


def adam(lr=3e-3, decay=0.0):
    return lambda model: torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=decay)


def digits_problem(data=None, *, whole=0, **changed) -> Problem:
    """A problem; `whole`: the program is known to take so many steps."""
    train, val = data or digits()
    given = {"model": mlp(), "train": train, "val": val, "loss": cross_entropy, "optimizer": adam(), "batch_size": 32}
    made = problem_of(Setup(**{**given, **changed}))
    return replace(made, rates=(1.0,) * whole) if whole else made


def outcome(experiment, problem, monkeypatch, *, steps=150, seeds=(0, 1, 2)):
    """What an experiment says when time does not matter."""
    monkeypatch.setattr(validated, "STEPS", steps)
    return experiment.run(Lab(problem, seconds=1e6, seeds=seeds))
