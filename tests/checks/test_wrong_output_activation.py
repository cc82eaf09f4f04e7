"""A last activation that cannot reach the targets."""

from netvet.checks.wrong_output_activation import wrong_output_activation
from netvet.core import Facts

SICK = {
    "function": "mse_loss",
    "phase": "train",
    "input_op": "relu",
    "target": {"min": -2.0, "max": 2.0, "std": 1.0},
    "target_requires_grad": False,
    "file": "net.py",
    "line": 2,
}


def found(**changes):
    return wrong_output_activation(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "never below 0" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(target={"min": 0.0, "max": 2.0, "std": 1.0})
    assert not found(input_op="linear")
    assert not found(target=None)
    assert not found(phase="eval")
    assert not found(target_requires_grad=None)
    assert not wrong_output_activation(Facts.of({}))


def test_softmax_over_one_output_is_always_one():
    given = {"shape": [32, 1], "min": 1.0, "max": 1.0}
    sick = {"function": "binary_cross_entropy", "phase": "train", "input_op": "softmax", "input_dim": 1, "input": given}
    (finding,) = wrong_output_activation(Facts.of(sick))
    assert "whatever the net computes" in finding.message
    assert not wrong_output_activation(Facts.of({**sick, "input": {"shape": [32, 2], "min": 0.1, "max": 0.9}}))
    assert not wrong_output_activation(Facts.of({**sick, "input_reshaped": True}))
    assert not wrong_output_activation(Facts.of({**sick, "input_dim": 7}))
