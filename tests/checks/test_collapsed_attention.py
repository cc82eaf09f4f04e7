"""Attention that looks at one position only."""

from netvet.checks.collapsed_attention import collapsed_attention
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = collapsed_attention(LayerSeries.of(a=[0.9] * 10 + [0.001] * 90))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert collapsed_attention(LayerSeries.of(a=[0.5] * 100)) == []
    assert collapsed_attention(LayerSeries.of(a=[0.001] * 100)) == []
    assert collapsed_attention(LayerSeries.of(a=[])) == []
