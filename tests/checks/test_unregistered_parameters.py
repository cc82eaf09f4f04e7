"""Weights that a model uses but does not know as its own."""

from netvet.checks.unregistered_parameters import unregistered_parameters
from netvet.core import Facts

STEPS = Facts.of({"steps": 10})


def found(*records, optimizers=STEPS):
    return unregistered_parameters(Facts.of(*records), optimizers)


def test_groups_the_tensors():
    one = {"elements": 10, "in_optimizer": False, "file": "net.py", "line": 3}
    (finding,) = found({"owner": "layers[0].weight", **one}, {"owner": "layers[0].bias", **one})
    assert finding.message.startswith("2 tensors (layers[0].weight, layers[0].bias, 20 elements) take part")
    assert str(finding.location) == "net.py:3"


def test_is_quiet_on_inputs_held_tensors_and_without_steps():
    assert not found({"owner": None, "in_optimizer": False})
    assert not found({"owner": "w", "in_optimizer": True})
    assert not found({"owner": "w", "in_optimizer": False}, optimizers=Facts())
    assert not found({})
