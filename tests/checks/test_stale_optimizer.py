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


BEFORE = {"model": "Net", "phase": "train", "first_step": 0, "last_step": 19, "calls": 20}
AFTER = {"model": "Net#2", "phase": "train", "first_step": 20, "last_step": 419, "calls": 400}
HELD = {"name": "w", "model": "Net", "optimizer": "Adam", "in_optimizer": True, "reached": True, "requires_grad": True}
COPY = {**HELD, "name": "Net#2.w", "model": "Net#2", "optimizer": None, "in_optimizer": False, "changed": False}


def left_behind(before=BEFORE, after=AFTER, copy=COPY, last_step=419):
    made = Facts.of({"name": "Adam", "steps": 420, "last_step": last_step, "models": ["Net"], "stale_parameters": 0})
    return stale_optimizer(made, Facts.of(HELD, copy), Facts.of(before, after))


def test_fires_on_a_model_that_was_replaced_by_a_copy_after_its_first_steps():
    (finding,) = left_behind()
    assert finding.message == (
        "Adam holds the parameters of Net, last trained at step 19; Net#2, which gets the gradients from step 20 on, "
        "is in no optimizer and never changes"
    )


def test_is_quiet_while_the_optimizers_own_model_is_trained_on():
    assert not left_behind(before={**BEFORE, "last_step": 419})
    assert not left_behind(last_step=19)
    assert not left_behind(copy={**COPY, "changed": True})
    assert not left_behind(copy={**COPY, "in_optimizer": True})
    assert not left_behind(after={**AFTER, "phase": "eval"})
