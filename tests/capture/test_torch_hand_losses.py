"""Losses written by hand are known by their value."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Categorical, Normal

N, C = 24, 5


def data():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(N, 7, generator=generator)
    return x, torch.randint(C, (N,), generator=generator), torch.randn(N, generator=generator)


def classes_by_index(out, y, _t):
    return -F.log_softmax(out, dim=1)[range(N), y].mean()


def classes_by_gather(out, y, _t):
    return -torch.log_softmax(out, 1).gather(1, y[:, None]).squeeze(1).mean()


def classes_by_one_hot(out, y, _t):
    return -(F.one_hot(y, C).float() * out.log_softmax(1)).sum(1).mean()


def classes_by_softmax(out, y, _t):
    p = torch.exp(out) / torch.exp(out).sum(1, keepdim=True)
    return -torch.log(p[torch.arange(N), y]).mean()


def squares(out, _y, t):
    return ((out[:, 0] - t) ** 2).mean()


def squares_summed(out, _y, t):
    return (t - out[:, 0]).pow(2).sum()


def distances(out, _y, t):
    return torch.mean(torch.abs(out[:, 0] - t))


def binary(out, y, _t):
    p, t = torch.sigmoid(out[:, 0]), (y > 2).float()
    return -(t * torch.log(p + 1e-8) + (1 - t) * torch.log(1 - p + 1e-8)).mean()


def negated(out, _y, t):
    return -((out[:, 0] - t) ** 2).mean()


def likelihood(out, _y, t):
    return Normal(out[:, 0], F.softplus(out[:, 1]) + 0.1).log_prob(t).mean()


def negative_likelihood(out, y, _t):
    return -Categorical(logits=out).log_prob(y).mean()


def fit(loss_of, steps=5):
    def train():
        torch.manual_seed(0)
        x, y, t = data()
        model = nn.Sequential(nn.Linear(7, 9), nn.Tanh(), nn.Linear(9, C))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of(model(x), y, t).backward()
            optimizer.step()
        return [p.detach().clone() for p in model.parameters()]

    return train


@pytest.mark.parametrize(
    ("loss_of", "function", "reduction", "share"),
    [
        (classes_by_index, "cross_entropy", "mean", 1),
        (classes_by_gather, "cross_entropy", "mean", 1),
        (classes_by_one_hot, "cross_entropy", "mean", 1),
        (squares, "mse_loss", "mean", 1),
        (squares_summed, "mse_loss", "sum", 1),
        (distances, "l1_loss", "mean", 1),
        (binary, "binary_cross_entropy_with_logits", "mean", 1),
        (negated, "mse_loss", "mean", -1.0),
        (likelihood, "log_prob", "mean", -1.0),
        (negative_likelihood, "nll_loss", "mean", 1),
    ],
)
def test_a_loss_written_by_hand_is_recorded_as_the_standard_one(watch, loss_of, function, reduction, share):
    found = {r["function"]: r for r in watch(fit(loss_of)).get("losses") if r["phase"] == "train"}
    record = found[function]
    assert (record["reduction"], record["feeds_backward"]) == (reduction, True)
    assert (record["share"], record["factor"]) == (pytest.approx(1, rel=1e-3), share)


def test_the_probes_see_the_sign_and_the_sum(watch):
    (minus,) = watch(fit(negated)).get("loss_contract")
    assert minus["descends_toward_target"] is False
    (plain,) = watch(fit(classes_by_index)).get("initial_loss")
    assert plain["expected"] == pytest.approx(1.6094, rel=1e-3)
    (total,) = watch(fit(squares_summed)).get("loss_contract")
    assert total["batch_scaling"] == pytest.approx(2.0)


def test_rewards_and_drawn_actions_are_no_targets(watch):
    def policy(out, _y, t):
        choice = Categorical(logits=out)
        return -(choice.log_prob(choice.sample()) * t).mean()

    assert watch(fit(policy)).get("losses") is None


def test_training_is_the_same_as_without(watch):
    kept = []
    watch(lambda: kept.append(fit(likelihood)()))
    for mine, theirs in zip(kept[0], fit(likelihood)(), strict=True):
        assert torch.equal(mine, theirs)


def dice(out, y, _t):
    p, t = torch.sigmoid(out[:, 0]), (y > 2).float()
    return 2 * (p * t).sum() / (p.sum() + t.sum())


def gaussian(out, _y, t):
    return -(0.5 * out[:, 1] + (t - out[:, 0]) ** 2 / (2 * out[:, 1].exp())).mean()


def cosine(out, y, _t):
    return F.cosine_similarity(out, F.one_hot(y, C).float() + 0.1).mean()


@pytest.mark.parametrize(
    ("loss_of", "nearer"),
    [
        (dice, False),
        (lambda *a: 1 - dice(*a), True),
        (gaussian, False),
        (lambda *a: -gaussian(*a), True),
        (cosine, False),
        (lambda *a: 1 - cosine(*a), True),
        (lambda out, _y, t: ((out[:, 0] - t) * torch.sign(t)).pow(3).mean(), None),
    ],
)
def test_the_direction_of_a_loss_that_equals_no_standard_one(watch, loss_of, nearer):
    records = watch(fit(loss_of)).get("loss_contract") or [{"descends_toward_target": None}]
    assert [r["descends_toward_target"] for r in records] == [nearer]
