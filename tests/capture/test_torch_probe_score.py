"""The weights of the log-probabilities of sampled actions."""

import pytest
import torch
from torch import nn
from torch.distributions import Categorical
from torch.nn import functional as F


def _train(loss_of):
    torch.manual_seed(0)
    net = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    x = torch.randn(32, 4)
    for _ in range(2):
        optimizer.zero_grad()
        loss_of(net(x)).backward()
        optimizer.step()


def _policy_loss(logits, offset):
    choice = Categorical(logits=logits)
    action = choice.sample()
    return -(choice.log_prob(action) * (offset + (action == 1).float())).mean()


def test_rewards_without_a_baseline_have_a_mean_far_from_zero(watch):
    (record,) = watch(lambda: _train(lambda logits: _policy_loss(logits, 9.0))).get("score_weights")
    assert record["mean"] == pytest.approx(9.3, abs=0.3)
    assert record["std"] < 0.6
    assert record["samples"] == 32


def test_says_nothing_of_weighted_samples(watch):
    y = torch.randint(0, 3, (32,))
    loss = lambda logits: (F.cross_entropy(logits, y, reduction="none") * torch.full((32,), 9.0)).mean()  # noqa: E731
    assert watch(lambda: _train(loss)).get("score_weights") is None
