"""Weights that grow without end."""

from netvet.checks.growing_weights import growing_weights
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = growing_weights(LayerSeries.of(w=[1.05**i for i in range(120)]))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert growing_weights(LayerSeries.of(w=[1.0 + 0.01 * i for i in range(120)])) == []
    assert growing_weights(LayerSeries.of(w=[0.0] * 20 + [5.0] * 120)) == []
    assert growing_weights(LayerSeries.of(w=[])) == []
