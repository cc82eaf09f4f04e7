"""Predictions that flip back and forth."""

from netvet.checks.jittery_predictions import jittery_predictions
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = jittery_predictions(LayerSeries.of(a=[0.4] * 60))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert jittery_predictions(LayerSeries.of(a=[0.6] * 20 + [0.01] * 60)) == []
    assert jittery_predictions(LayerSeries.of(a=[0.4] * 9)) == []
    assert jittery_predictions(LayerSeries.of(a=[])) == []
