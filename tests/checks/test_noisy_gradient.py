"""Successive gradients that have nothing in common."""

from netvet.checks.noisy_gradient import noisy_gradient
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = noisy_gradient(LayerSeries.of(**{"(all)": [-0.8] * 60}))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert noisy_gradient(LayerSeries.of(a=[0.0] * 60)) == []
    assert noisy_gradient(LayerSeries.of(a=[-0.8] * 10)) == []
    assert noisy_gradient(LayerSeries.of(a=[])) == []
