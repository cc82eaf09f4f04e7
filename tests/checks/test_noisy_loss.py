"""A loss that varies much from batch to batch."""

from netvet.checks.noisy_loss import noisy_loss
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = noisy_loss(LayerSeries.of(a=[0.2, 1.9, 0.6, 1.5] * 30))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert noisy_loss(LayerSeries.of(a=[1.0, 1.1] * 60)) == []
    assert noisy_loss(LayerSeries.of(a=[-1.0, -2.0] * 60)) == []
    assert noisy_loss(LayerSeries.of(a=[])) == []
