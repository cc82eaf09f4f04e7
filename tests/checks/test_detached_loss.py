"""A loss that backward cannot follow to the model."""

import pytest

from netvet.checks.detached_loss import detached_loss
from netvet.core import Facts, Location


def backward(**more):
    record = {"file": "train.py", "line": 30, "calls": 120, "requires_grad": True, "has_graph": True, "leaf": False}
    return Facts.of({**record, "reaches": 6, "optimizers": ["SGD"], **more})


MODEL = Facts.of(
    {"name": "SGD", "parameters": ["fc.weight"], "unknown_parameters": 0, "models": ["Net"], "backward_seen": False}
)


def test_fires_on_a_tensor_made_from_the_value():
    (finding,) = detached_loss(backward(leaf=True, has_graph=False, reaches=0))
    assert "tensor without history" in finding.message
    assert "120 calls" in finding.message
    assert finding.location == Location("train.py", 30)


def test_fires_on_a_loss_made_under_no_grad():
    raised = "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"
    assert "without history" in detached_loss(backward(raised=raised, requires_grad=False))[0].message


def test_fires_when_the_graph_reaches_nothing_of_the_model():
    (finding,) = detached_loss(backward(reaches=0), MODEL)
    assert "reaches no parameter of the model that SGD optimises" in finding.message


def test_fires_on_a_plain_number():
    run = Facts.of(
        {
            "exception": "AttributeError: 'float' object has no attribute 'backward'",
            "exception_file": "train.py",
            "exception_line": 31,
        }
    )
    (finding,) = detached_loss(Facts(), run=run)
    assert finding.location == Location("train.py", 31)


def test_is_quiet_on_a_loss_that_reaches_the_model():
    assert detached_loss(backward(), MODEL) == []


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "SGD", "parameters": ["?"], "unknown_parameters": 1, "models": [], "backward_seen": True},
        {"name": "SGD", "parameters": ["fc.weight"], "models": ["Net"], "backward_seen": True},
        {"name": "Adam", "parameters": ["fc.weight"], "models": ["Net"], "backward_seen": False},
        {},
    ],
)
def test_is_quiet_when_free_tensors_are_optimised(optimizer):
    assert detached_loss(backward(reaches=0), Facts.of(optimizer)) == []


def test_is_quiet_on_other_exceptions():
    assert detached_loss(Facts(), run=Facts.of({"exception": "KeyError: 'backward'"})) == []


def test_is_quiet_without_fields():
    assert detached_loss(Facts.of({}), Facts.of({}), Facts.of({})) == []
    assert detached_loss(Facts(), None, Facts()) == []
