"""A training that is another one each time: its noise comes from a generator that no seed reaches."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from netvet import Setup


class Noise(nn.Module):
    def forward(self, x):
        if not self.training:
            return x
        return x + torch.from_numpy(np.random.default_rng().normal(0.0, 0.2, tuple(x.shape))).to(x.dtype)


def make_setup():
    """The digits, seen through noise."""
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
    return Setup(
        model=lambda: nn.Sequential(Noise(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
        train=(x[:1200], y[:1200]), val=(x[1200:], y[1200:]), loss=F.cross_entropy,
        optimizer=lambda model: torch.optim.Adam(model.parameters(), 1e-3),
    )  # fmt: skip
