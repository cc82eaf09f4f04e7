"""Layers that are frozen at random values."""

from netvet.checks.frozen_parameters import frozen_parameters
from netvet.core import Facts

HEAD = {"name": "head", "model": "Net", "requires_grad": True, "changed": True, "elements": 100, "loaded": False}
BODY = {**HEAD, "name": "body", "requires_grad": False, "changed": False, "elements": 900, "init_std": 0.1}
BODY |= {"module_called": True, "shape": [30, 30]}


def found(**changes):
    return frozen_parameters(Facts.of({**BODY, **changes}, HEAD))


def test_fires_on_a_random_trunk():
    assert "holds 90% of Net" in found()[0].message


def test_is_quiet_on_loaded_small_thawed_and_fixed_layers():
    assert not found(loaded=True)
    assert not found(elements=50)
    assert not found(changed=True)
    assert not found(name="pos_embedding")
    assert not found(init_std=None)
    assert not frozen_parameters(Facts.of({}))


def test_is_quiet_on_a_model_that_is_frozen_as_a_whole():
    assert not frozen_parameters(Facts.of(BODY))
