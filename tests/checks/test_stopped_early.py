"""A run that ends while the loss still falls."""

import pytest

from netvet.checks.stopped_early import stopped_early
from netvet.core import Facts, LayerSeries


@pytest.mark.parametrize(
    "found",
    [
        lambda: stopped_early(LayerSeries.of(b=[2.3 - 0.004 * i for i in range(100)])),
    ],
)
def test_fires(found):
    findings = found()
    assert findings
    assert findings[0].severity != "note"
    assert any(c.isdigit() for c in findings[0].message)


@pytest.mark.parametrize(
    "found",
    [
        lambda: stopped_early(LayerSeries.of(b=[2.0 * 0.9**i + 0.1 for i in range(100)])),
        lambda: stopped_early(LayerSeries.of(b=[2.3, 2.31] * 50)),
        lambda: stopped_early(LayerSeries.of(b=[2.3 - 0.004 * i for i in range(10)])),
        lambda: stopped_early(LayerSeries.of(b=[])),
        lambda: stopped_early(LayerSeries.of(b=[-0.01 * i for i in range(100)])),
        lambda: stopped_early(
            LayerSeries.of(b=[2.3 - 0.004 * i for i in range(100)]), LayerSeries.of(v=[1.0, 0.5, 0.8])
        ),
        lambda: stopped_early(
            LayerSeries.of(b=[2.3 - 0.004 * i for i in range(100)]), None, Facts.of({"loaded": True})
        ),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_an_ordinary_short_run():
    assert {f.severity for f in stopped_early(LayerSeries.of(b=[2.3 - 0.02 * i for i in range(100)]))} == {"note"}
