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


def scored(model=0.7, end=0.7):
    values = [2.3] * 40 + [2.3 - (2.3 - end) * i / 50 for i in range(50)]
    record = {"split": "val", "score": "accuracy", "samples": 400, "model": model, "linear": 0.92, "nearest": 0.96}
    return stopped_early(LayerSeries.of(b=values), None, None, Facts.of(record))


def test_warns_where_a_simple_learner_shows_that_there_is_more_to_learn():
    (finding,) = scored()
    assert finding.severity == "warning"
    assert "0.96" in finding.message


def test_is_only_a_note_where_the_net_keeps_up():
    assert {f.severity for f in scored(model=0.95)} <= {"note"}
