"""Softmax over the wrong axis."""

from netvet.checks.wrong_softmax_dim import wrong_softmax_dim
from netvet.core import Facts

SICK = {
    "function": "nll_loss",
    "phase": "train",
    "input_op": "log_softmax",
    "input_dim": 0,
    "rows_are_log_probabilities": 0.0,
    "classes": 10,
    "file": "net.py",
    "line": 2,
}


def found(**changes):
    return wrong_softmax_dim(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "over dim 0" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(rows_are_log_probabilities=1.0)
    assert not found(input_dim=1)
    assert not found(input_dim=None)
    assert not found(input_op="linear")
    assert not found(batch=1)
    assert not found(phase="eval")
    assert not wrong_softmax_dim(Facts.of({}))


def test_does_not_take_the_axis_before_a_reshape_for_that_after_it():
    (finding,) = found(input_dim=1, input_reshaped=True)
    assert "in another shape" in finding.message
    assert not found(input_dim=1, input_reshaped=True, rows_are_log_probabilities=1.0)
    assert not found(input_dim=1, input_reshaped=False)
