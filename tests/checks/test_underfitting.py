"""A training loss that levels off high."""

from netvet.checks.underfitting import underfitting
from netvet.core import Facts, LayerSeries

CE = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 10})


def test_fires_beyond_the_limit():
    found = underfitting(LayerSeries.of(t=[2.3, 2.1, *[1.9, 1.91] * 80]), CE)
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert underfitting(LayerSeries.of(t=[2.3, 2.1, *[0.9, 0.91] * 80]), CE) == []
    assert underfitting(LayerSeries.of(t=[2.3] * 200)) == []
    assert underfitting(LayerSeries.of(t=[]), CE) == []
