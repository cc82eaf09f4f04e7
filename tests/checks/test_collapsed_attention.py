"""Attention that looks at one position only."""

from netvet.checks.collapsed_attention import collapsed_attention
from netvet.core import Facts, LayerSeries, Location


def test_fires_beyond_the_limit():
    found = collapsed_attention(LayerSeries.of(a=[0.9] * 10 + [0.001] * 90))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert collapsed_attention(LayerSeries.of(a=[0.5] * 100)) == []
    assert collapsed_attention(LayerSeries.of(a=[0.001] * 100)) == []
    assert collapsed_attention(LayerSeries.of(a=[])) == []


def test_fires_on_scores_that_are_too_large_from_the_start():
    entropy, scores = LayerSeries.of(a=[0.1] * 100), LayerSeries.of(a=[42.0] * 100)
    falling = LayerSeries.of(train=[2.0 - 0.015 * i for i in range(100)])
    (finding,) = collapsed_attention(entropy, falling, scores)
    assert finding.severity is None
    assert collapsed_attention(entropy, falling, LayerSeries.of(a=[8.0] * 100)) == []


def test_loaded_weights_may_be_sharp():
    entropy, scores = LayerSeries.of(a=[0.1] * 100), LayerSeries.of(a=[42.0] * 100)
    loaded = Facts.of({"kind": "load_state_dict", "target": "model"})
    assert collapsed_attention(entropy, None, scores, loaded) == []


def test_points_at_the_line_that_makes_the_scores():
    made = Facts.of({"name": "b", "file": "m.py", "line": 3}, {"name": "a", "file": "m.py", "line": 7})
    (finding,) = collapsed_attention(LayerSeries.of(a=[0.9] * 10 + [0.001] * 90), attention=made)
    assert finding.location == Location("m.py", 7)
