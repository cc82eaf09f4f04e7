"""Gradients that grow without bound."""

import pytest

from netvet.checks.exploding_gradient import exploding_gradient
from netvet.core import LayerSeries

FALLING = LayerSeries.of(b=[2.3 - 0.02 * i for i in range(100)])
FLAT = LayerSeries.of(b=[2.3, 2.31] * 50)
UP = LayerSeries.of(a=[1.0] * 20 + [10.0**i for i in range(20)])


@pytest.mark.parametrize(
    "found",
    [
        lambda: exploding_gradient(UP),
        lambda: exploding_gradient(LayerSeries.of(a=[1.0] * 30 + [float("inf")] * 5)),
        lambda: exploding_gradient(LayerSeries.of(a=[1.0] * 30), UP),
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
        lambda: exploding_gradient(LayerSeries.of(a=[1.0] * 30 + [1e6] + [1.0] * 30)),
        lambda: exploding_gradient(LayerSeries.of(a=[1.0 + i for i in range(40)])),
        lambda: exploding_gradient(LayerSeries.of(a=[])),
        lambda: exploding_gradient(LayerSeries.of(a=[0.0] * 30)),
        lambda: exploding_gradient(LayerSeries.of(a=[float("nan")] * 30)),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_what_learns_all_the_same():
    assert {f.severity for f in exploding_gradient(UP, None, FALLING)} == {"note"}
