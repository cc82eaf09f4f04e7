"""Attention logits that grow without end."""

from netvet.checks.growing_attention_logits import growing_attention_logits
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = growing_attention_logits(LayerSeries.of(a=[2.0 + i for i in range(100)]))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert growing_attention_logits(LayerSeries.of(a=[20.0] * 100)) == []
    assert growing_attention_logits(LayerSeries.of(a=[60.0] * 100)) == []
    assert growing_attention_logits(LayerSeries.of(a=[])) == []
