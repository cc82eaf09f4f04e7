"""A learning rate with which the net cannot learn because the steps are too long."""

import pytest

from netvet.checks.lr_too_high import lr_too_high
from netvet.core import Facts, LayerSeries, Location

FLAT = LayerSeries.of(b=[2.31, 50.0, 9.0, *[2.4] * 60])
LEARNS = LayerSeries.of(b=[2.31, 50.0, 9.0, *[1.2] * 60])
RATE = LayerSeries.of(**{"SGD/0": [5.0] * 63})
HUGE = LayerSeries.of(**{"a.weight": [3.0, 0.5, 0.1], "a.bias": [900.0, 1.0, 1.0]})
USUAL = LayerSeries.of(**{"a.weight": [0.01, 0.004, 0.001], "a.bias": [900.0, 1.0, 1.0]})
OPTIMIZER = Facts.of({"name": "SGD", "steps": 63, "file": "t.py", "line": 4})


def probe(**more):
    return Facts.of({"start": 2.31, "multiples": [0.01, 0.1, 1], "losses": [2.2, 1.5, 2.9], "spread": 0.02, **more})


def test_fires_on_huge_updates_and_a_loss_that_does_not_fall():
    (finding,) = lr_too_high(FLAT, RATE, HUGE, None, OPTIMIZER)
    assert "learning rate of 5" in finding.message
    assert "300%" in finding.message
    assert finding.location == Location("t.py", 4)


def test_the_probe_is_evidence():
    (finding,) = lr_too_high(FLAT, RATE, USUAL, probe())
    assert "at 0.1 times the rate reached 1.5" in finding.message
    assert lr_too_high(FLAT, RATE, USUAL, probe(losses=[2.2, 1.5, None]))


def test_fires_on_a_loss_that_breaks():
    broken = LayerSeries.of(b=[2.3, 9.0, 80.0, *[900.0] * 20, float("nan")])
    assert "became NaN" in lr_too_high(broken, RATE, HUGE)[0].message


def test_is_quiet_on_a_run_that_learns():
    assert lr_too_high(LEARNS, RATE, HUGE, probe()) == []


def test_is_quiet_on_a_flat_loss_with_usual_updates():
    assert lr_too_high(FLAT, RATE, USUAL) == []
    assert lr_too_high(FLAT, RATE) == []


def test_is_quiet_when_no_smaller_rate_helps():
    assert lr_too_high(FLAT, RATE, HUGE, probe(losses=[2.31, 2.31, 2.31])) == []


def test_is_quiet_on_several_or_negative_losses():
    assert lr_too_high(LayerSeries({**FLAT, "g": FLAT["b"]}), RATE, HUGE) == []
    assert lr_too_high(LayerSeries.of(b=[-1.0 - i for i in range(60)]), RATE, HUGE) == []


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [float("nan")] * 60])
def test_is_quiet_on_what_it_cannot_judge(values):
    assert lr_too_high(LayerSeries.of(b=values), RATE, HUGE, Facts.of({})) == []


TRIAL = {
    "own": 0.8, "end": 0.9, "start": 2.3, "multiples": [1.0, 0.1], "losses": [0.8, 0.1], "spread": 0.02, "warmup": 0.7,
}  # fmt: skip
SWINGING = LayerSeries.of(**{"train.py:45": [2.3, 1.2, *[0.3, 1.8, 0.4, 1.1] * 25]})


def tried(loss=SWINGING, **changes):
    return lr_too_high(loss, lr_trial=Facts.of({**TRIAL, **changes}))


def test_a_run_that_learns_badly_is_named_where_a_copy_at_a_smaller_rate_did_far_better():
    (finding,) = tried()
    assert "at 0.1 times the rate reached 0.1, and at the full rate 0.8" in finding.message
    assert finding.severity == "warning"


def test_less_is_asked_of_the_copy_where_the_loss_was_thrown_far_above_its_start():
    assert tried(losses=[0.8, 0.5]) == []
    assert tried(losses=[0.8, 0.5], peak=200.0)
    assert tried(losses=[0.8, 0.7], peak=200.0) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"losses": [0.8, 0.6]},
        {"losses": [0.8, None]},
        {"losses": [0.3, 0.1]},  # the copy did not do as the run did
        {"end": 0.11},  # the run got there later
        {"spread": 0.5},
        {"own": None},
    ],
)
def test_is_quiet_where_the_trial_does_not_show_it(changes):
    assert tried(**changes) == []


def test_is_quiet_on_a_calm_run_whatever_the_trial_says():
    calm = LayerSeries.of(**{"train.py:45": [2.3 * 0.97**i for i in range(100)]})
    assert tried(calm) == []


def test_the_trial_speaks_where_nothing_was_learned_and_the_probe_was_too_short():
    same = probe(losses=[2.31, 2.31, 2.31])
    trial = Facts.of({**TRIAL, "start": 2.31, "own": 2.4, "end": 2.4, "losses": [2.4, 0.5], "multiples": [1.0, 0.1]})
    (finding,) = lr_too_high(FLAT, RATE, HUGE, same, lr_trial=trial)
    assert "at 0.1 times the rate reached 0.5" in finding.message
    stuck = Facts.of({**TRIAL, "start": 2.31, "own": 2.4, "end": 2.4, "losses": [2.4, 2.3], "multiples": [1.0, 0.1]})
    assert not lr_too_high(FLAT, RATE, HUGE, same, lr_trial=stuck)
