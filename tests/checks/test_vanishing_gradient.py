"""Gradients that get lost on their way to the first layers."""

import pytest

from netvet.checks.vanishing_gradient import vanishing_gradient
from netvet.core import Facts, LayerSeries

FALLING = LayerSeries.of(b=[2.3 - 0.02 * i for i in range(100)])
FLAT = LayerSeries.of(b=[2.3, 2.31] * 50)
GRADS = LayerSeries.of(**{"0.weight": [1e-6] * 5, "2.weight": [1e-2] * 5, "4.weight": [0.1] * 5})
EVEN = LayerSeries.of(**{"0.weight": [0.05] * 5, "2.weight": [1e-2] * 5, "4.weight": [0.1] * 5})
MOVES = LayerSeries.of(**{"0.weight": [1e-8] * 5})
ADAM = LayerSeries.of(**{"0.weight": [1e-3] * 5})


@pytest.mark.parametrize(
    "found",
    [
        lambda: vanishing_gradient(GRADS, MOVES),
        lambda: vanishing_gradient(GRADS, MOVES, None, FLAT),
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
        lambda: vanishing_gradient(GRADS, ADAM),
        lambda: vanishing_gradient(EVEN, MOVES),
        lambda: vanishing_gradient(
            GRADS, MOVES, Facts.of({"name": "0.weight", "shape": [9, 9], "layer_type": "Embedding"})
        ),
        lambda: vanishing_gradient(LayerSeries.of(**{"0.weight": [0.0] * 5}), MOVES),
        lambda: vanishing_gradient(GRADS, LayerSeries({})),
        lambda: vanishing_gradient(LayerSeries({}), LayerSeries({})),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_what_learns_all_the_same():
    assert {f.severity for f in vanishing_gradient(GRADS, MOVES, None, FALLING)} == {"note"}
