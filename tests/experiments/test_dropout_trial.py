"""Dropout that ruins the training, dropout that is as it should be, and models without any."""

import pytest
from torch import nn

from netvet.experiments.dropout_trial import _arms, dropout_trial
from netvet.experiments.regularisers import dropouts
from tests.experiments.regularised import convnet, digits, digits_problem, mlp, outcome


def test_fails_dropout_that_ruins_the_training(monkeypatch):
    found = outcome(dropout_trial, digits_problem(model=mlp(dropout=0.99)), monkeypatch)
    assert found.verdict == "failed"
    assert found.suspects == ("oversized-dropout",)
    assert "0.99" in found.next
    assert set(found.evidence["curves"]) >= {"plain", "no dropout"}


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5])
def test_never_fails_usual_dropout(monkeypatch, rate):
    found = outcome(dropout_trial, digits_problem(model=mlp(64, rate)), monkeypatch)
    assert found.verdict in ("passed", "undetermined")


def test_says_nothing_while_validation_still_gets_better(monkeypatch):
    found = outcome(dropout_trial, digits_problem(model=mlp(64, 0.5)), monkeypatch, steps=20)
    assert found.verdict == "undetermined"
    assert "still gets better" in found.message


def test_tries_what_fits_the_model():
    conv = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(4, 2))
    assert "dropout2d" in _arms(conv, dropouts(conv))
    assert "no dropout" in _arms(conv, dropouts(conv))
    assert "dropout2d 0.1" in _arms(convnet(), dropouts(convnet()))
    assert set(_arms(mlp()(), [])) == {"dropout 0.1", "dropout 0.5"}
    lstm = nn.LSTM(2, 2, num_layers=2, dropout=0.4)
    assert dropouts(lstm) == [0.4]


def test_needs_data_that_are_held_out(monkeypatch):
    from dataclasses import replace

    from netvet.core import NetvetError

    problem = digits_problem(digits(64, 64))
    with pytest.raises(NetvetError, match="no validation data"):
        outcome(dropout_trial, replace(problem, val=problem.train), monkeypatch)
