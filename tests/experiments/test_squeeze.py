"""Ensembles, distillation, and whether to go on."""

import pytest
import torch

from netvet.core import NetvetError
from netvet.experiments.distillation import distillation
from netvet.experiments.ensemble import ensemble
from netvet.experiments.ensembles import mean_of, qualities, soft
from netvet.experiments.leave_it_training import leave_it_training
from tests.experiments.regularised import adam, digits, digits_problem, mlp, outcome
from tests.experiments.small_problems import problem


def test_an_ensemble_gains_where_single_nets_err_differently(monkeypatch):
    noisy = digits_problem(digits(300, 1000, wrong=0.3), model=mlp(128), optimizer=adam(1e-2), whole=300)
    found = outcome(ensemble, noisy, monkeypatch)
    assert found.verdict == "advice"
    assert found.evidence["seeds"]["low"] > 0
    assert found.evidence["snapshots"]["effect"] < found.evidence["seeds"]["effect"]


def test_an_ensemble_of_nets_that_are_right_gains_nothing(monkeypatch):
    assert outcome(ensemble, problem(), monkeypatch, steps=200).verdict == "passed"
    assert outcome(distillation, problem(), monkeypatch, steps=200).verdict == "passed"


def test_a_net_that_labels_lead_astray_learns_from_an_ensemble(monkeypatch):
    noisy = digits_problem(digits(1000, 797, wrong=0.7), model=mlp(64), optimizer=adam(1e-2), batch_size=16, whole=120)
    found = outcome(distillation, noisy, monkeypatch)
    assert found.verdict == "advice", found.message
    assert found.next == "Train one net with an ensemble as teacher."


def test_unknown_outputs_are_not_assessed(monkeypatch):
    from dataclasses import replace

    for one in (ensemble, distillation):
        with pytest.raises(NetvetError, match="not known"):
            outcome(one, replace(problem(), kind="unknown"), monkeypatch)


def test_advises_to_go_on_where_the_program_stops_on_its_way_down(monkeypatch):
    found = outcome(leave_it_training, digits_problem(optimizer=adam(3e-4), whole=100), monkeypatch)
    assert found.verdict == "advice"
    assert found.suspects == ("stopped-early",)


def test_does_not_advise_to_go_on_without_a_gain(monkeypatch):
    assert outcome(leave_it_training, problem(), monkeypatch).verdict == "passed"
    noisy = digits_problem(digits(300, 800, wrong=0.5), model=mlp(256), optimizer=adam(5e-3), whole=400)
    assert "bring nothing" in outcome(leave_it_training, noisy, monkeypatch).message


def test_probabilities_are_averaged_whatever_the_outputs_are():
    logits, target = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    wanted = logits.softmax(1)
    for output in (logits, logits.log_softmax(1), wanted):
        torch.testing.assert_close(soft("classes", output, target), wanted)
    torch.testing.assert_close(soft("binary", torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0]))[0], torch.tensor(0.5))


def test_quality_is_told_of_each_sample():
    data = problem().val
    wrong = [torch.nn.functional.one_hot((b["1"] + 1) % 3, 3).float() for b in data.batches]
    right = [torch.nn.functional.one_hot(b["1"], 3).float() for b in data.batches]
    assert set(qualities("classes", right, data)) == {1.0}
    assert set(qualities("classes", wrong, data)) == {0.0}
    assert len(qualities("classes", mean_of([right, right, wrong]), data)) == data.size
