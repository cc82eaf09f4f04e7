"""Smaller nets, batches and pictures."""

import pytest

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


def test_small_batches_are_not_made_smaller(monkeypatch):
    with pytest.raises(NetvetError, match="batches of 8 samples"):
        outcome(smaller_batch, problem(batch_size=8), monkeypatch)


def test_digits_need_their_pixels(monkeypatch):
    pictures = digits_problem(digits(300, 400, pictures=True), model=convnet)
    found = outcome(smaller_input, pictures, monkeypatch)
    assert found.verdict == "passed"
    assert found.evidence["compared"]["pictures of half the resolution"]["effect"] < 0


def test_rows_of_numbers_are_no_pictures(monkeypatch):
    with pytest.raises(NetvetError, match="no pictures"):
        outcome(smaller_input, problem(), monkeypatch)
