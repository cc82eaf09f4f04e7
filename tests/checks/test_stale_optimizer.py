"""An optimizer that still holds tensors which the model no longer uses."""

import pytest

from netvet.checks.stale_optimizer import stale_optimizer
from netvet.core import Facts, Location


def optimizer(**more):
    record = {"name": "SGD", "steps": 300, "models": ["Net"], "unknown_parameters": 2, "stale_parameters": 2}
    return Facts.of({**record, "backward_seen": True, "file": "train.py", "line": 20, **more})


def parameter(name="fc.weight", **more):
    record = {"name": name, "model": "Net", "requires_grad": True, "reached": True, "in_optimizer": False}
    return {**record, "changed": False, **more}


def test_fires_on_a_replaced_head():
    (finding,) = stale_optimizer(optimizer(), Facts.of(parameter(), parameter("fc.bias")))
    assert finding.message == (
        "SGD holds 2 tensors that no model uses, while fc.weight, fc.bias of Net, made after it, are in no optimizer"
    )
    assert finding.location == Location("train.py", 20)


def test_fires_on_a_rebuilt_model():
    made = optimizer(models=[], unknown_parameters=4, stale_parameters=None, backward_seen=False)
    assert "holds 4 tensors" in stale_optimizer(made, Facts.of(parameter()))[0].message


@pytest.mark.parametrize(
    "made",
    [
        optimizer(stale_parameters=0),
        optimizer(stale_parameters=None),
        optimizer(steps=0),
        optimizer(unknown_parameters=0, stale_parameters=None, backward_seen=False),
        optimizer(models=["Other"]),
    ],
)
def test_is_quiet_on_free_tensors_and_idle_optimizers(made):
    assert stale_optimizer(made, Facts.of(parameter())) == []


@pytest.mark.parametrize(
    "one",
    [
        parameter(in_optimizer=True),
        parameter(requires_grad=False),
        parameter(reached=False),
        parameter(changed=True),
        parameter(tied_names=["embedding.weight"]),
    ],
)
def test_is_quiet_when_every_used_parameter_is_cared_for(one):
    assert stale_optimizer(optimizer(), Facts.of(one)) == []


def test_is_quiet_without_fields():
    assert stale_optimizer(Facts.of({}), Facts.of({})) == []
