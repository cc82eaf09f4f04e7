"""A training loss that rises."""

import numpy as np
import pytest

from netvet.checks.loss_diverges import loss_diverges
from netvet.core import Facts, LayerSeries

CE = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 10})
MSE = Facts.of({"site": "l", "phase": "train", "function": "mse_loss"})


def line(start, end, n=100, noise=0.01):
    return LayerSeries.of(b=np.linspace(start, end, n) + noise * np.random.default_rng(1).standard_normal(n))


def test_fires_on_a_rising_loss():
    (finding,) = loss_diverges(line(2.3, 9.0), CE)
    assert finding.severity == "error"
    assert "from 2.3" in finding.message


def test_fires_on_a_regression_worse_than_a_constant():
    targets = Facts.of({"site": "l", "phase": "train", "std": 1.0})
    assert loss_diverges(line(1.0, 50.0), MSE, targets)[0].severity == "error"
    assert loss_diverges(line(0.01, 0.5), MSE, targets)[0].severity == "note"


@pytest.mark.parametrize("end", [2.3, 2.35, 1.0])
def test_is_quiet_below_the_limit(end):
    assert loss_diverges(line(2.3, end), CE) == []


def test_is_quiet_on_an_early_bump():
    assert loss_diverges(LayerSeries.of(b=[2.3, 9.0, 6.0, *[1.5] * 100]), CE) == []


def test_is_quiet_on_noise():
    assert loss_diverges(line(1.0, 1.1, noise=0.3), CE) == []


def test_losses_that_may_rise_are_notes():
    assert {f.severity for f in loss_diverges(line(1.0, 5.0))} == {"note"}
    gan = LayerSeries({**line(0.7, 3.0), "d": line(1.4, 0.3)["b"]})
    assert {f.severity for f in loss_diverges(gan, CE)} <= {"note"}


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [float("nan")] * 50, [0.0] * 50, [-1.0] * 50])
def test_is_quiet_on_what_it_cannot_judge(values):
    assert loss_diverges(LayerSeries.of(b=values), CE) == []
