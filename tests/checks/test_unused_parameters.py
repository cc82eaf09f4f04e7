"""Layers that are defined but never called."""

from netvet.checks.unused_parameters import unused_parameters
from netvet.core import Facts


def parameter(name, shape, used, **more):
    record = {"name": f"{name}.weight", "layer": name, "model": "Net", "shape": shape, "elements": 10, "reached": used}
    return {**record, "requires_grad": True, "in_optimizer": True, "module_called": used, **more}


def found(*records):
    return unused_parameters(Facts.of(*records))


def test_fires_on_a_forgotten_layer():
    (finding,) = found(parameter("fc2", [64, 64], False), parameter("fc3", [10, 64], True))
    assert finding.message.startswith("1 layer of Net (fc2) was never called")
    assert finding.severity is None


def test_unused_heads_loaded_layers_and_experts_are_notes():
    head = parameter("head_a", [10, 64], False)
    assert found(parameter("body", [64, 8], True), head, parameter("head_b", [5, 64], True))[0].severity == "note"
    last = parameter("fc", [10, 64], True)
    assert found(parameter("fc2", [64, 64], False, loaded=True), last)[0].severity == "note"
    experts = parameter("experts.0", [64, 64], False), parameter("experts.1", [64, 64], True)
    assert found(*experts, last)[0].severity == "note"


def test_is_quiet_on_functional_use_tied_names_and_missing_fields():
    last = parameter("fc3", [10, 64], True)
    assert not found(parameter("fc2", [64, 64], False, reached=True), last)
    assert not found(parameter("fc2", [64, 64], False, tied_names=["x"]), last)
    assert not found(parameter("fc2", [64, 64], False, module_called=None), last)
    assert not found({}, {"reached": True})
