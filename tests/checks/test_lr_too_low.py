"""A learning rate so small that training hardly moves."""

import numpy as np
import pytest

from netvet.checks.lr_too_low import lr_too_low
from netvet.core import Facts, LayerSeries, Location

SLOW = LayerSeries.of(b=[2.314 - 0.0002 * i for i in range(100)])
RATE = LayerSeries.of(**{"Adam/0": [1e-6] * 100})
TINY = LayerSeries.of(**{"a.weight": [1e-5] * 5})
USUAL = LayerSeries.of(**{"a.weight": [1e-3] * 5})
OPTIMIZER = Facts.of({"name": "Adam", "steps": 100, "file": "t.py", "line": 4})


def probe(*losses):
    return Facts.of({"start": 2.31, "multiples": [0.1, 1, 10, 100], "losses": list(losses), "spread": 0.01})


def test_fires_on_tiny_updates_and_a_slow_fall():
    (finding,) = lr_too_low(SLOW, RATE, TINY, None, OPTIMIZER)
    assert "0.001%" in finding.message
    assert "from 2.31 to 2.3" in finding.message
    assert finding.location == Location("t.py", 4)


def test_the_probe_is_evidence():
    (finding,) = lr_too_low(SLOW, RATE, USUAL, probe(2.31, 2.309, 2.2, 1.6))
    assert "at 100 times the rate reached 1.6" in finding.message


def test_is_quiet_when_higher_rates_do_not_help():
    assert lr_too_low(SLOW, RATE, TINY, probe(2.31, 2.309, 2.309, None)) == []


def test_is_quiet_on_a_run_that_learns():
    fast = LayerSeries.of(b=[2.3 - 0.01 * i for i in range(100)])
    assert lr_too_low(fast, RATE, TINY, probe(2.31, 2.309, 2.2, 1.6)) == []


def test_is_quiet_on_usual_updates():
    assert lr_too_low(SLOW, RATE, USUAL) == []


def test_is_quiet_on_a_loss_that_does_not_fall():
    assert lr_too_low(LayerSeries.of(b=[2.3, 2.31] * 50), RATE, TINY) == []


def test_is_quiet_on_fine_tuning_warm_up_and_clipping():
    assert lr_too_low(SLOW, RATE, TINY, parameters=Facts.of({"loaded": True})) == []
    assert lr_too_low(SLOW, LayerSeries.of(a=[1e-6 * i for i in range(100)]), TINY) == []
    assert lr_too_low(SLOW, RATE, TINY, clips=Facts.of({"clipped_after_warmup": 1.0})) == []


def test_is_quiet_on_a_loss_that_is_low_already():
    ce = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 100})
    assert lr_too_low(SLOW, RATE, TINY, losses=ce) == []


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [float("nan")] * 60, [0.0] * 80])
def test_is_quiet_on_what_it_cannot_judge(values):
    assert lr_too_low(LayerSeries.of(b=values), RATE, TINY, Facts.of({})) == []


def test_a_hard_first_batch_is_no_learning():
    noisy = np.random.default_rng(0).normal(1.0, 0.15, 300) - np.linspace(0, 0.05, 300)
    higher = Facts.of({"start": 1.3, "multiples": [0.1, 1, 1000], "losses": [1.3, 1.299, 0.8], "spread": None})
    (finding,) = lr_too_low(LayerSeries.of(b=[1.3, *noisy]), RATE, TINY, higher)
    assert "the loss fell from 0.988 to 0.915" in finding.message


def test_a_noisy_run_that_learns_is_quiet():
    noisy = np.random.default_rng(0).normal(0.0, 0.3, 300) + np.linspace(1.0, 0.3, 300)
    higher = Facts.of({"start": 1.3, "multiples": [0.1, 1, 1000], "losses": [1.3, 1.299, 0.8], "spread": None})
    assert lr_too_low(LayerSeries.of(b=[1.4, *noisy]), RATE, TINY, higher) == []
