"""A deep net with an adaptive optimizer that starts at the full rate and jumps."""

from netvet.checks.missing_warmup import missing_warmup
from netvet.core import Facts, LayerSeries


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


def trial(warmup, slower=0.5):
    record = {"own": 2.1, "end": 2.0, "start": 2.4, "multiples": [1.0, 0.1], "losses": [2.1, slower], "spread": 0.03}
    flat, rate = LayerSeries.of(**{"t:4": [2.4, *[2.1] * 120]}), LayerSeries.of(a=[0.01] * 121)
    return missing_warmup(flat, rate, LayerSeries({}), Facts.of({**record, "warmup": warmup}))


def test_warns_where_a_copy_with_warm_up_did_far_better():
    (finding,) = trial(0.6)
    assert finding.severity == "warning"
    assert "after a warm-up reached 0.6 at the same rate, and without 2.1" in finding.message


def test_is_quiet_where_warm_up_does_not_help_or_a_smaller_rate_helps_far_more():
    assert trial(1.9) == []
    assert trial(0.9, slower=0.05) == []
    assert trial(None) == []
