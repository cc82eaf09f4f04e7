import math
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from netvet import NetvetError, Setup
from netvet.experiments.lab import Lab
from netvet.experiments.lr_curve import smooth, valley_of
from netvet.experiments.lr_range import find_rate, lr_range
from netvet.experiments.setup import problem_of
from netvet.experiments.trial import Result, Trial, run_trial

RATES = np.geomspace(1e-7, 10, 120)


def digits(optimizer, noise=False):
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x[:600] / 16, dtype=torch.float32), torch.tensor(y[:600])
    loss = (lambda out, target: (out * torch.randn_like(out)).mean()) if noise else F.cross_entropy

    def make():
        return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 10))

    return problem_of(Setup(make, (x, y), loss=loss, optimizer=optimizer))


def of(cls, **options):
    return lambda model: cls(model.parameters(), **options)


def valley_at(rate, depth=1.0, noise=0.0, seed=0):
    """A loss that falls around a rate and is lost a decade and a half above it."""
    generator = np.random.default_rng(seed)
    away = np.log10(RATES) - math.log10(rate)
    fall = -depth / (1 + np.exp(-4 * away)) + 5 * np.maximum(0.0, away - 1.5)
    return (fall + noise * generator.standard_normal(len(RATES))).tolist()


@pytest.mark.parametrize("rate", [1e-4, 1e-2])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_steepest_place_of_a_noisy_curve_is_found(rate, noise):
    curve = smooth(RATES, [valley_at(rate, noise=noise, seed=s) for s in range(3)])
    valley = valley_of(curve)
    assert rate / 2 < valley.steepest < rate * 2
    assert valley.low < valley.steepest < valley.high < rate * 100


def test_a_loss_that_goes_to_infinity_does_not_reach_into_the_valley():
    lost = [v if i < 100 else 1e30 for i, v in enumerate(valley_at(1e-3))]
    assert 5e-4 < valley_of(smooth(RATES, [lost, lost])).steepest < 2e-3


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_is_no_valley(seed):
    rows = np.random.default_rng(seed).standard_normal((3, 120)).tolist()
    assert valley_of(smooth(RATES, rows)) is None


def test_too_few_steps_give_no_curve():
    assert smooth(RATES, [[0.0, -1.0, math.nan, *[0.0] * 100]]) is None


OPTIMIZERS = {
    "sgd": of(torch.optim.SGD, lr=0.1),
    "momentum": of(torch.optim.SGD, lr=0.05, momentum=0.9),
    "adam": of(torch.optim.Adam, lr=3e-3),
    "adamw": of(torch.optim.AdamW, lr=3e-3),
    "rmsprop": of(torch.optim.RMSprop, lr=1e-3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_usual_rates_are_no_failure_and_the_recommended_one_learns(name):
    problem = digits(OPTIMIZERS[name])
    outcome = lr_range.run(Lab(problem, seeds=(0, 1)))
    assert outcome.verdict in ("passed", "advice", "undetermined"), outcome.message
    rate = outcome.evidence["recommended"]
    end = run_trial(problem, Trial(150, 7, {"lr-of-first": rate}, scores=False)).tail()
    assert end < 0.6, (rate, end)


@pytest.mark.parametrize(("lr", "suspect"), [(20.0, "lr-too-high"), (1e-6, "lr-too-low")])
def test_a_rate_at_which_nothing_is_learned_fails(lr, suspect):
    outcome = lr_range.run(Lab(digits(of(torch.optim.SGD, lr=lr)), seeds=(0, 1)))
    assert (outcome.verdict, outcome.suspects) == ("failed", (suspect,))
    assert str(f"{outcome.evidence['recommended']:.2g}") in outcome.next


def test_parameter_groups_keep_their_proportions():
    def grouped(model):
        first, last = model[0].parameters(), model[3].parameters()
        return torch.optim.SGD([{"params": first}, {"params": last, "lr": 1.0}], lr=0.1)

    seen = []
    problem = digits(grouped)
    inner = problem.optimizer

    def watched(model):
        made = inner(model)
        made.register_step_pre_hook(lambda o, *_: seen.append([g["lr"] for g in o.param_groups]))
        return made

    object.__setattr__(problem, "optimizer", watched)
    run_trial(problem, Trial(5, 0, {"lr-ramp": [1e-4, 1.0]}, scores=False))
    assert np.allclose(seen, [[r, 10 * r] for r in np.geomspace(1e-4, 1, 5)])


def test_a_loss_that_no_rate_lowers_is_refused():
    outcome = lr_range.run(Lab(digits(of(torch.optim.SGD, lr=0.1), noise=True), seeds=(0, 1)))
    assert outcome.verdict == "undetermined"
    assert "no valley" in outcome.message


def test_untouched_weights_see_the_same_batches_and_dropout():
    problem = digits(of(torch.optim.SGD, lr=0.0))
    result = run_trial(problem, Trial(8, 0, {"beside-untouched": True}, scores=False))
    assert result.extra["gaps"] == [0.0] * 8


def test_a_network_that_is_too_slow_for_the_time_is_not_assessed():
    lab = Lab(digits(of(torch.optim.SGD, lr=0.1)), seconds=30)
    lab._first = Result((1.0, 1.0), "steps", 4.0, step_seconds=2.0)
    with pytest.raises(NetvetError, match="a range test would take"):
        lr_range.run(lab)


def test_an_optimizer_without_a_rate_is_not_assessed():
    problem = digits(partial(lambda model: torch.optim.LBFGS(model.parameters())))
    with pytest.raises(NetvetError, match="nothing to range over"):
        find_rate(Lab(problem))
