"""Losses that a model works out in its own forward pass are probed like those of the loop."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


class Scorer(nn.Module):
    def __init__(self, sign=1.0):
        super().__init__()
        self.body, self.head, self.sign = nn.Linear(6, 12), nn.Linear(12, 4), sign

    def forward(self, x, y=None):
        scores = self.head(torch.tanh(self.body(x)))
        return scores, None if y is None else self.sign * F.cross_entropy(scores, y)


def fit(sign=1.0, parts=1, scale=1.0):
    def train():
        torch.manual_seed(0)
        model = Scorer(sign)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            for _ in range(parts):
                x, y = torch.randn(16, 6), torch.randint(4, (16,))
                (model(x, y)[1] * scale).backward()
            optimizer.step()
        return [p.detach().clone() for p in model.parameters()]

    return train


def test_the_start_and_the_contract_of_a_loss_inside_a_model(watch):
    run = watch(fit())
    (start,), (contract,) = run.get("initial_loss"), run.get("loss_contract")
    assert start["expected"] == pytest.approx(1.3863, rel=1e-3)
    assert contract["perfect"] == pytest.approx(0, abs=1e-6)
    assert contract["worst"] == pytest.approx(20, rel=1e-3)
    assert contract["descends_toward_target"] is True
    assert contract["batch_scaling"] == pytest.approx(1)


def test_the_sign_of_a_loss_inside_a_model(watch):
    run = watch(fit(sign=-1.0))
    assert run.get("loss_contract")[0]["descends_toward_target"] is False
    assert run.get("losses")[0]["factor"] == pytest.approx(-1)


@pytest.mark.parametrize(("scale", "divided"), [(0.25, True), (1.0, False)])
def test_micro_batches_of_a_loss_inside_a_model(watch, scale, divided):
    (record,) = watch(fit(parts=4, scale=scale)).get("accumulation")
    assert (record["micro_batches"], record["divided"]) == (4, divided)


def test_training_is_the_same_as_without(watch):
    kept = []
    watch(lambda: kept.append(fit()()))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(kept[0], fit()(), strict=True))


class Own(Scorer):
    def forward(self, x, y=None):
        scores, _ = super().forward(x)
        return scores, self.sign * ((torch.tanh(scores[:, 0]) - y) ** 2).mean()


def test_a_loss_written_by_hand_inside_a_model(watch, monkeypatch):
    monkeypatch.setitem(globals(), "Scorer", Own)
    (record,) = watch(fit(sign=-1.0)).get("losses")
    assert (record["function"], record["input_op"]) == ("mse_loss", "tanh")
    assert record["factor"] == pytest.approx(-1)
