"""A loss that falls in the first steps and hardly after."""

from netvet.checks.hockey_stick_loss import hockey_stick_loss
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = hockey_stick_loss(LayerSeries.of(a=[9.0, 5.0, 2.0] + [1.0] * 200))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert hockey_stick_loss(LayerSeries.of(a=[2.3 - 0.01 * i for i in range(200)])) == []
    assert hockey_stick_loss(LayerSeries.of(a=[9.0, 1.0])) == []
    assert hockey_stick_loss(LayerSeries.of(a=[])) == []
