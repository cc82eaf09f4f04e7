"""Smaller nets, batches and pictures."""

import pytest
import torch
from torch import nn

from netvet.core import NetvetError
from netvet.experiments.model_size import model_size
from netvet.experiments.smaller_batch import smaller_batch
from netvet.experiments.smaller_input import smaller_input
from tests.experiments.regularised import adam, convnet, digits, digits_problem, mlp, outcome
from tests.experiments.small_problems import problem


def test_width_pays_in_a_net_that_is_too_narrow(monkeypatch):
    narrow = digits_problem(model=mlp(6), optimizer=adam(1e-2), whole=400)
    found = outcome(model_size, narrow, monkeypatch, steps=400)
    assert found.verdict == "advice"
    assert found.suspects == ("insufficient-capacity",)


def test_a_wide_net_may_stay(monkeypatch):
    found = outcome(model_size, digits_problem(model=mlp(128)), monkeypatch, steps=200)
    assert found.verdict in ("passed", "undetermined")


def test_batches_of_a_trained_net_may_stay(monkeypatch):
    assert outcome(smaller_batch, problem(), monkeypatch, steps=100).verdict == "passed"


def test_batches_of_all_samples_are_not_judged_before_the_end_of_a_slow_training(monkeypatch):
    slow = lambda model: torch.optim.SGD(model.parameters(), lr=0.02)  # noqa: E731
    found = outcome(smaller_batch, digits_problem(digits(256, 400), batch_size=256, optimizer=slow), monkeypatch)
    assert found.verdict == "undetermined", found.message
    assert "still gets better after 150 steps" in found.message


def test_batches_of_all_samples_leave_too_few_updates(monkeypatch):
    few = digits_problem(digits(256, 800), batch_size=256, optimizer=adam(1e-3), whole=60)
    found = outcome(smaller_batch, few, monkeypatch)
    assert found.verdict == "advice", found.message
    assert found.next == "Use batches of 128."
    assert found.suspects == ("too-large-batch",)


def test_small_batches_are_not_made_smaller(monkeypatch):
    with pytest.raises(NetvetError, match="batches of 8 samples"):
        outcome(smaller_batch, problem(batch_size=8), monkeypatch)


def test_digits_need_their_pixels(monkeypatch):
    pictures = digits_problem(digits(300, 400, pictures=True), model=convnet)
    found = outcome(smaller_input, pictures, monkeypatch)
    assert found.verdict == "passed"
    assert found.evidence["compared"]["pictures of half the resolution"]["effect"] < 0


def test_detail_that_is_noise_is_better_averaged_away(monkeypatch):
    def noisy(split, seed):
        x, y = split
        large = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return large + 1.6 * torch.randn(large.shape, generator=torch.Generator().manual_seed(seed)), y

    train, val = digits(300, 400, pictures=True)
    net = lambda: nn.Sequential(nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))  # noqa: E731
    pictures = digits_problem((noisy(train, 0), noisy(val, 1)), model=net)
    found = outcome(smaller_input, pictures, monkeypatch, steps=300)
    assert found.verdict == "advice", found.message
    assert "half the resolution" in found.next


def test_rows_of_numbers_are_no_pictures(monkeypatch):
    with pytest.raises(NetvetError, match="no pictures"):
        outcome(smaller_input, problem(), monkeypatch)
