"""Sigmoid before a loss that applies sigmoid itself."""

from netvet.checks.double_sigmoid import double_sigmoid
from netvet.core import Facts

SICK = {"file": "train.py", "line": 9, "function": "binary_cross_entropy_with_logits", "phase": "train", "calls": 100}
SICK |= {"input_op": "sigmoid", "in_unit_interval": True}


def found(**changes):
    return double_sigmoid(Facts.of({**SICK, **changes}))


def test_fires_on_sigmoid():
    (finding,) = found()
    assert "0.5 to 0.73" in finding.message
    assert str(finding.location) == "train.py:9"


def test_values_alone_are_a_warning_after_many_calls():
    assert found(input_op=None)[0].severity == "warning"
    assert not found(input_op=None, calls=5)


def test_is_quiet_on_logits_and_on_a_loss_of_probabilities():
    assert not found(input_op="linear")
    assert not found(in_unit_interval=False)
    assert not found(function="binary_cross_entropy")


def test_is_quiet_without_fields():
    assert not double_sigmoid(Facts.of({}, {"function": SICK["function"], "phase": "train"}))
