"""A deep net with an adaptive optimizer that starts at the full rate and jumps."""

from netvet.checks.missing_warmup import missing_warmup
from netvet.core import LayerSeries


def test_fires_beyond_the_limit():
    found = missing_warmup(
        LayerSeries.of(t=[2.3, 9.0, 8.0, *[2.0] * 120]),
        LayerSeries.of(a=[0.01] * 124),
        LayerSeries.of(w=[0.5, 0.1, 0.1]),
    )
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert (
        missing_warmup(
            LayerSeries.of(t=[2.3, 2.2, *[2.0] * 120]),
            LayerSeries.of(a=[0.01] * 124),
            LayerSeries.of(w=[0.5, 0.1, 0.1]),
        )
        == []
    )
    assert missing_warmup(LayerSeries.of(t=[]), LayerSeries.of(a=[]), LayerSeries.of(w=[])) == []
