"""Softmax before a loss that applies softmax itself."""

from netvet.checks.double_softmax import double_softmax
from netvet.core import Facts

SICK = {"site": "train.py:9", "file": "train.py", "line": 9, "function": "cross_entropy", "phase": "train", "calls": 9}
SICK |= {"input_op": "softmax", "rows_sum_to_one": 1.0, "in_unit_interval": True, "classes": 10}


def found(**changes):
    return double_softmax(Facts.of({**SICK, **changes}))


def test_fires_with_the_floor_and_the_place():
    (finding,) = found()
    assert "cannot fall below 1.461" in finding.message
    assert (str(finding.location), finding.confidence) == ("train.py:9", 1.0)


def test_points_at_the_softmax_when_its_line_is_known():
    assert str(found(input_file="model.py", input_line=3)[0].location) == "model.py:3"


def test_values_alone_are_less_sure():
    assert found(input_op=None)[0].confidence < 1


def test_is_quiet_on_logits_log_softmax_and_other_losses():
    assert not found(input_op="linear", rows_sum_to_one=0.0, in_unit_interval=False)
    assert not found(input_op="log_softmax", rows_sum_to_one=0.0, in_unit_interval=False)
    assert not found(function="nll_loss")


def test_is_quiet_on_evaluation_and_on_what_is_only_logged():
    assert not found(phase="eval")
    assert not found(feeds_backward=False)


def test_is_quiet_below_the_share_and_on_another_axis():
    assert not found(rows_sum_to_one=0.9)
    assert not found(rows_sum_to_one=None, input_dim=0)


def test_is_quiet_without_fields():
    assert not double_softmax(Facts.of({}, {"function": "cross_entropy", "phase": "train"}))
