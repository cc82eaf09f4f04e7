"""Weights that shrink away."""

from netvet.checks.shrinking_weights import shrinking_weights
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = shrinking_weights(LayerSeries.of(w=[10.0 * 0.97**i for i in range(120)]))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert shrinking_weights(LayerSeries.of(w=[1.0] * 120)) == []
    assert shrinking_weights(LayerSeries.of(w=[0.0] * 120)) == []
    assert shrinking_weights(LayerSeries.of(w=[])) == []
