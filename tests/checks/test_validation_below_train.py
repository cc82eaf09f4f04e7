"""A validation loss below the training loss."""

from netvet.checks.validation_below_train import validation_below_train
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = validation_below_train(LayerSeries.of(v=[0.5] * 6), LayerSeries.of(t=[1.0] * 6))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert validation_below_train(LayerSeries.of(v=[0.9] * 6), LayerSeries.of(t=[1.0] * 6)) == []
    assert validation_below_train(LayerSeries.of(v=[]), LayerSeries.of(t=[])) == []
