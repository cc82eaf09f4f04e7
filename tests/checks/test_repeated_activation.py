"""The same activation twice in a row."""

from netvet.checks.repeated_activation import repeated_activation
from netvet.core import Facts


def found(*ops):
    nodes = [{"id": i, "op": op, "next": [i + 1], "file": "net.py", "line": 2} for i, op in enumerate(ops)]
    return repeated_activation(Facts.of(*nodes))


def test_fires_and_sees_through_views():
    (finding,) = found("Sigmoid", "View", "Sigmoid")
    assert finding.message.startswith("sigmoid is applied to the output of sigmoid at 1 place")
    assert str(finding.location) == "net.py:2"


def test_relu_twice_is_a_note():
    assert [f.severity for f in found("Relu", "Relu")] == ["note"]


def test_is_quiet_on_layers_between_and_other_activations():
    assert not found("Tanh", "Addmm", "Tanh")
    assert not found("Tanh", "Sigmoid")
    assert not found("LogSoftmax", "LogSoftmax")
    assert not repeated_activation(Facts.of({}, {"id": 0, "op": "Tanh"}))
