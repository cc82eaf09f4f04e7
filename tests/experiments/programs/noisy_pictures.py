"""Pictures whose finest detail is noise."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from netvet import Setup


def make_setup():
    """The digits at twice their size, with noise in each pixel."""
    digits = load_digits()
    x, y = torch.tensor(digits.images / 8 - 1, dtype=torch.float32)[:, None], torch.tensor(digits.target)
    x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    x = x + 1.6 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    return Setup(
        model=lambda: nn.Sequential(nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10)),
        train=(x[:400], y[:400]), val=(x[400:1000], y[400:1000]), loss=F.cross_entropy,
        optimizer=lambda model: torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.0),
    )  # fmt: skip
