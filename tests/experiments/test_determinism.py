import numpy as np
import torch
from torch import nn

from netvet.experiments.determinism import determinism
from tests.experiments.problems import lab, mlp


class Noisy(nn.Module):
    """Noise from a generator that no seed reaches."""

    def __init__(self):
        super().__init__()
        self.first, self.noisy, self.last = nn.Linear(64, 32), Unseeded(), nn.Linear(32, 10)

    def forward(self, x):
        return self.last(self.noisy(self.first(x)))


class Unseeded(nn.Module):
    def forward(self, x):
        return x + torch.from_numpy(np.random.default_rng().normal(0, 0.1, tuple(x.shape))).to(x.dtype)


def test_dropout_from_a_seeded_generator_passes():
    outcome = determinism.run(lab(lambda: nn.Sequential(mlp(), nn.Dropout(0.3))))
    assert outcome.verdict == "passed"
    assert outcome.evidence["losses"][0] == outcome.evidence["losses"][1]


def test_noise_that_no_seed_reaches_fails_and_its_layer_is_named():
    outcome = determinism.run(lab(Noisy))
    assert outcome.verdict == "failed"
    assert outcome.evidence["first_difference"] == "the output of noisy"
    assert "nondeterministic-step" in outcome.suspects


def test_a_gradient_that_differs_is_named():
    class Shaken(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad * (1 + np.random.default_rng().random())

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(64, 32), nn.Linear(32, 10)

        def forward(self, x):
            return self.last(Shaken.apply(self.first(x).relu()))

    outcome = determinism.run(lab(Net))
    assert outcome.verdict == "failed"
    assert outcome.evidence["first_difference"] == "the gradient of first.bias"


def test_the_steps_that_were_timed_are_the_first_of_the_two_trainings():
    found = lab(mlp)
    first = found.first_steps
    assert determinism.run(found).evidence["losses"][0] == list(first.losses)
