"""Parameters whose gradient is exactly zero."""

import pytest

from netvet.checks.zero_gradient import zero_gradient
from netvet.core import Facts

DEAD = {
    "name": "0.weight",
    "requires_grad": True,
    "reached": True,
    "zero_grad_steps": 30,
    "deep_steps": 30,
    "elements": 64,
}


@pytest.mark.parametrize(
    "found",
    [
        lambda: zero_gradient(Facts.of({**DEAD})),
        lambda: zero_gradient(Facts.of({**DEAD, "in_optimizer": True}, {**DEAD, "zero_grad_steps": 0})),
    ],
)
def test_fires(found):
    findings = found()
    assert findings
    assert findings[0].severity != "note"
    assert any(c.isdigit() for c in findings[0].message)


@pytest.mark.parametrize(
    "found",
    [
        lambda: zero_gradient(Facts.of({**DEAD, "zero_grad_steps": 29})),
        lambda: zero_gradient(Facts.of({**DEAD, "layer_type": "Embedding"})),
        lambda: zero_gradient(Facts.of({**DEAD, "module_called": False})),
        lambda: zero_gradient(Facts.of({**DEAD, "requires_grad": False})),
        lambda: zero_gradient(Facts.of({**DEAD, "in_optimizer": False})),
        lambda: zero_gradient(Facts.of({**DEAD, "zero_grad_steps": 3, "deep_steps": 3})),
        lambda: zero_gradient(Facts.of({})),
        lambda: zero_gradient(Facts.of({**DEAD, "deep_steps": None})),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_a_small_part():
    assert {f.severity for f in zero_gradient(Facts.of(DEAD, {**DEAD, "elements": 1e6, "zero_grad_steps": 0}))} == {
        "note"
    }
