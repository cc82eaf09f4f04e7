"""Trainings that fail for one cause each, and healthy ones with the same thing in them."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from netvet.core import NetvetError
from netvet.experiments import rescue
from netvet.experiments.activation_trial import activation_trial
from netvet.experiments.depth_trial import depth_trial
from netvet.experiments.lab import Lab
from netvet.experiments.momentum_trial import momentum_trial
from netvet.experiments.optimizer_trial import optimizer_trial
from netvet.experiments.swaps import plain_blocks, watched
from tests.experiments.regularised import adam, digits, digits_problem, mlp


def tower(depth, activation, width=16, *, he=False):
    def made():
        layers = [nn.Linear(64, width), activation()]
        for _ in range(depth):
            layers += [nn.Linear(width, width), activation()]
            if he:
                nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
        return nn.Sequential(*layers, nn.Linear(width, 10))

    return made


def sgd(lr=0.05, momentum=0.9):
    return lambda model: torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(rescue, "MOST", 150)


def outcome(experiment, problem, steps=150):
    return experiment.run(Lab(replace(problem, rates=(1.0,) * steps), seconds=1e6))


def test_sigmoids_that_stop_a_net_are_named():
    found = outcome(activation_trial, digits_problem(model=tower(6, nn.Sigmoid), optimizer=sgd()))
    assert found.verdict == "failed"
    assert found.suspects == ("saturating-activation",)
    assert "7 squashing activations" in found.message


def test_tanh_that_learns_is_left_alone():
    found = outcome(activation_trial, digits_problem(model=tower(1, nn.Tanh, 32)))
    assert found.verdict == "passed"
    assert "learns as it is" in found.message


def test_a_net_without_squashing_activations_is_not_assessed():
    assert outcome(activation_trial, digits_problem()).verdict == "not assessed"


def test_depth_without_shortcuts_is_named():
    found = outcome(depth_trial, digits_problem(model=tower(20, nn.ReLU, 8, he=True), optimizer=sgd(0.05)))
    assert found.verdict == "failed"
    assert found.suspects == ("unstable-depth",)


def test_a_deep_net_that_learns_is_left_alone():
    assert outcome(depth_trial, digits_problem(model=tower(5, nn.ReLU, 32, he=True))).verdict == "passed"


def test_a_normalised_net_is_not_assessed():
    model = lambda: nn.Sequential(tower(6, nn.ReLU)(), nn.BatchNorm1d(10))  # noqa: E731
    assert outcome(depth_trial, digits_problem(model=model)).verdict == "not assessed"


def test_an_optimizer_that_learns_at_no_rate_is_named():
    uphill = lambda m: torch.optim.SGD(m.parameters(), lr=0.01, maximize=True)  # noqa: E731
    found = outcome(optimizer_trial, digits_problem(optimizer=uphill, model=mlp(64)))
    assert found.verdict == "failed"
    assert found.suspects == ("unsuitable-optimizer",)


@pytest.mark.parametrize("rate", [0.1, 1e-4])
def test_sgd_is_no_unsuitable_optimizer_whatever_its_rate(rate):
    found = outcome(optimizer_trial, digits_problem(optimizer=sgd(rate, 0.0)))
    assert found.verdict in ("passed", "undetermined")
    assert found.suspects == ()


def test_an_optimizer_that_leaves_parameters_out_is_not_replaced():
    problem = digits_problem(optimizer=lambda m: torch.optim.SGD(m[3].parameters(), lr=0.1))
    with pytest.raises(NetvetError, match="does not have all parameters"):
        outcome(optimizer_trial, problem)


def test_a_momentum_that_swings_is_named():
    found = outcome(momentum_trial, digits_problem(optimizer=sgd(0.2, 0.9995)), 250)
    assert found.verdict == "failed"
    assert found.suspects == ("wrong-momentum",)


def test_a_large_momentum_with_a_small_rate_is_left_alone():
    found = outcome(momentum_trial, digits_problem(optimizer=sgd(1e-3, 0.99)), 200)
    assert found.verdict == "passed"


@pytest.mark.parametrize("make", [sgd(), adam()])
def test_usual_momentum_is_not_assessed(make):
    assert outcome(momentum_trial, digits_problem(optimizer=make)).verdict == "not assessed"


def test_a_trained_run_that_learned_needs_no_trial():
    problem = digits_problem(model=tower(6, nn.Sigmoid), optimizer=sgd())
    problem.details["trained"] = [{"split": "val", "score": "accuracy", "model": 0.95, "majority": 0.1, "samples": 600}]
    lab = Lab(problem, seconds=1e6)
    assert activation_trial.run(lab).verdict == "passed"
    assert lab.trials == 0


def test_without_validation_data_nothing_is_said():
    problem = digits_problem(model=tower(6, nn.Sigmoid), optimizer=sgd())
    with pytest.raises(NetvetError, match="no validation data"):
        outcome(activation_trial, replace(problem, val=problem.train))


def test_gates_and_outputs_are_not_hidden():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.value, self.gate, self.last = nn.Linear(64, 16), nn.Linear(64, 16), nn.Linear(16, 10)

        def forward(self, x):
            return torch.sigmoid(self.last(self.value(x) * torch.sigmoid(self.gate(x))))

    problem = digits_problem(model=Gated)
    seen = watched(problem.learner(0), problem.train.batches[0])
    assert seen.squashed == 2
    assert seen.hidden == set()


def test_pooling_and_norms_pass_an_activation_on():
    model = lambda: nn.Sequential(  # noqa: E731
        nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10)
    )
    problem = digits_problem(digits(pictures=True), model=model)
    seen = watched(problem.learner(0), problem.train.batches[0])
    assert seen.hidden == {0}
    assert seen.norms == 1


def test_layers_of_equal_shape_are_found():
    problem = digits_problem(model=tower(3, nn.ReLU))
    assert len(plain_blocks(problem.learner(0), problem.train.batches[0])) == 3
