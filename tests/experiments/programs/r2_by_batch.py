"""A regression whose validation batches are sorted, so that the mean of their scores is not the score of all."""

import torch
from torch import nn
from torch.nn import functional as F

from netvet import Setup


def make_setup():
    """A sum, with a trend along the samples."""
    x = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))
    y = (x.sum(1, keepdim=True) + torch.arange(400)[:, None] / 20).sort(0).values
    return Setup(lambda: nn.Linear(8, 1), (x, y), F.mse_loss, val=(x[:80], y[:80]), batch_size=8)
