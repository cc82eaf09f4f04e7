"""Weight decay that pulls all weights to zero, and weight decay that is as it should be."""

import pytest
import torch

from netvet.core import NetvetError
from netvet.experiments.weight_decay_trial import weight_decay_trial
from tests.experiments.regularised import adam, digits_problem, outcome


def test_fails_weight_decay_that_ruins_the_training(monkeypatch):
    found = outcome(weight_decay_trial, digits_problem(optimizer=adam(3e-3, 100.0)), monkeypatch)
    assert found.verdict == "failed"
    assert found.suspects == ("oversized-regularisation",)


@pytest.mark.parametrize("decay", [0.0, 1e-2])
def test_passes_usual_weight_decay(monkeypatch, decay):
    found = outcome(weight_decay_trial, digits_problem(optimizer=adam(3e-3, decay), whole=200), monkeypatch)
    assert found.verdict in ("passed", "undetermined")
    assert "still" not in found.message


def test_an_optimizer_without_weight_decay_is_not_assessed(monkeypatch):
    problem = digits_problem(optimizer=lambda model: torch.optim.Rprop(model.parameters()))
    with pytest.raises(NetvetError, match="Rprop has no weight decay"):
        outcome(weight_decay_trial, problem, monkeypatch)
