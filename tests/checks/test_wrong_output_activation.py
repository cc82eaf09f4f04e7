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
