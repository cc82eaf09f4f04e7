"""Trainable parameters that get gradients but that no optimizer holds."""

from netvet.checks.parameters_not_in_optimizer import parameters_not_in_optimizer
from netvet.core import Facts, Location

OPTIMIZER = Facts.of({"name": "Adam", "steps": 100, "models": ["Net"], "file": "train.py", "line": 20})


def parameter(name, held, **more):
    record = {"name": name, "model": "Net", "elements": 100, "shape": [10, 10], "requires_grad": True}
    return {**record, "reached": True, "in_optimizer": held, "changed": held, "loaded": False, **more}


def test_fires_on_a_forgotten_body():
    made = Facts.of(parameter("a.weight", False), parameter("a.bias", False), parameter("head.weight", True))
    (finding,) = parameters_not_in_optimizer(made, OPTIMIZER)
    assert finding.message == (
        "2 trainable parameters (a.weight, a.bias) get gradients but are in no optimizer: "
        "67% of the elements of Net never change"
    )
    assert finding.location == Location("train.py", 20)
    assert finding.severity == "error"
    assert finding.evidence == {"parameters": ["a.weight", "a.bias"]}


def test_a_very_small_part_is_a_warning():
    made = Facts.of(parameter("scale", False, elements=1), parameter("head.weight", True, elements=1000))
    assert [f.severity for f in parameters_not_in_optimizer(made, OPTIMIZER)] == ["warning"]


def test_a_forgotten_second_model_is_a_warning():
    made = Facts.of(parameter("encoder", False, model="Encoder", shape=[3, 3]), parameter("decoder", True))
    (finding,) = parameters_not_in_optimizer(made, OPTIMIZER)
    assert (finding.where, finding.severity) == ("Encoder", "warning")


def test_a_loaded_trunk_is_a_note():
    made = Facts.of(parameter("trunk", False, loaded=True), parameter("head", True))
    assert [f.severity for f in parameters_not_in_optimizer(made, OPTIMIZER)] == ["note"]


def quiet(*made, optimizers=OPTIMIZER):
    return parameters_not_in_optimizer(Facts.of(*made), optimizers) == []


def test_is_quiet_on_frozen_unreached_and_held_parameters():
    head = parameter("head", True)
    assert quiet(head)
    assert quiet(head, parameter("trunk", False, requires_grad=False))
    assert quiet(head, parameter("unused", False, reached=False))


def test_is_quiet_on_parameters_that_change_by_other_means():
    assert quiet(parameter("head", True), parameter("ema", False, changed=True))


def test_is_quiet_on_tied_tensors():
    assert quiet(parameter("embedding", True), parameter("head", False, tied_names=["embedding"]))


def test_is_quiet_on_a_target_network():
    assert quiet(parameter("q.weight", True, model="Q"), parameter("target.weight", False, model="Target"))


def test_is_quiet_when_an_input_is_optimised_through_a_net():
    assert quiet(parameter("conv", False, model="Classifier"))


def test_is_quiet_without_a_stepping_optimizer():
    made = (parameter("a", False), parameter("b", True))
    assert quiet(*made, optimizers=Facts())
    assert quiet(*made, optimizers=Facts.of({"steps": 0}))


def test_is_quiet_without_fields():
    assert quiet({}, {"name": "a", "in_optimizer": None})
