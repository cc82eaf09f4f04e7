"""A training loss that stays where it began."""

import numpy as np
import pytest

from netvet.checks.loss_flat import loss_flat
from netvet.core import Facts, LayerSeries, Location

CE = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 10, "file": "t.py", "line": 9})
RNG = np.random.default_rng(0)


def noisy(start, end, n=200, noise=0.02):
    return LayerSeries.of(b=np.linspace(start, end, n) + noise * RNG.standard_normal(n))


def test_fires_on_a_flat_loss():
    (finding,) = loss_flat(noisy(2.31, 2.30), CE)
    assert finding.severity == "warning"
    assert finding.location == Location("t.py", 9)
    assert "less than 2%" in finding.message


def test_a_constant_loss_is_an_error():
    assert loss_flat(LayerSeries.of(b=[2.3116] * 100), CE)[0].severity == "error"


@pytest.mark.parametrize("end", [2.1, 1.5, 0.1])
def test_is_quiet_when_the_loss_falls(end):
    assert loss_flat(noisy(2.31, end), CE) == []


def test_is_quiet_on_a_fall_in_the_first_steps():
    assert loss_flat(LayerSeries.of(b=[2.3, 1.0, *[0.9] * 100]), CE) == []


def test_is_quiet_on_a_short_run():
    assert loss_flat(noisy(2.3, 2.3, n=20), CE) == []


def test_is_a_note_where_a_layer_is_known_to_block_the_input():
    blocked, open_ = Facts.of({"blocked_by": "norm"}), Facts.of({"real": 2.3, "shuffled": 2.3, "blocked_by": None})
    assert loss_flat(noisy(2.31, 2.30), CE, input_ablation=blocked)[0].severity == "note"
    assert loss_flat(noisy(2.31, 2.30), CE, input_ablation=open_)[0].severity == "warning"


def test_is_quiet_on_loaded_weights():
    assert loss_flat(noisy(2.3, 2.3), CE, parameters=Facts.of({"loaded": True})) == []


def test_is_quiet_when_predictions_are_right():
    accuracy, top = LayerSeries.of(l=[0.1, 0.2, 0.3, 0.4, 0.4, 0.4]), LayerSeries.of(l=[0.15] * 6)
    assert loss_flat(noisy(2.31, 2.28), CE, None, None, accuracy, top) == []


def test_is_quiet_on_a_loss_that_starts_far_below_a_constant():
    assert loss_flat(noisy(0.3, 0.3), CE) == []


def test_losses_that_need_not_fall_are_notes():
    gan = LayerSeries({**noisy(0.69, 0.69), "g": noisy(0.7, 0.7)["b"]})
    assert {f.severity for f in loss_flat(gan, CE)} <= {"note"}
    assert {f.severity for f in loss_flat(noisy(2.3, 2.3))} == {"note"}
    assert loss_flat(noisy(-0.01, 0.01)) == []


@pytest.mark.parametrize("values", [[], [1.0], [float("nan")] * 90, [0.0] * 90])
def test_is_quiet_on_what_it_cannot_judge(values):
    assert loss_flat(LayerSeries.of(b=values), CE) == []
