"""Small problems that the tests of experiments share."""

import random

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from netvet.experiments.setup import Setup, problem_of


def blobs(count=96, seed=0):
    """Two features, three classes that a small network tells apart."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % 3
    centres = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]])
    return centres[y] + 0.3 * torch.randn(count, 2, generator=generator), y


def net(dropout=0.0):
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3))


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def setup(**changed):
    given = {
        "model": net, "train": blobs(), "val": blobs(48, 1), "loss": cross_entropy, "optimizer": sgd, "batch_size": 16,
    }  # fmt: skip
    return Setup(**{**given, **changed})


def problem(**changed):
    return problem_of(setup(**changed))


def random_state():
    """All global generators, in a form that can be compared."""
    return torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate()


def state_of(model):
    """Weights, gradients and modes of a model, in a form that can be compared."""
    return (
        {n: t.clone() for n, t in model.state_dict().items()},
        [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        [m.training for m in model.modules()],
        [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
    )


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other
