"""The same prediction for nearly every input."""

import pytest

from netvet.checks.collapsed_prediction import collapsed_prediction
from netvet.core import Facts, LayerSeries

FALLING = LayerSeries.of(b=[2.3 - 0.02 * i for i in range(100)])
FLAT = LayerSeries.of(b=[2.3, 2.31] * 50)


def S(value, n=80):
    return LayerSeries.of(s=[value] * n)


@pytest.mark.parametrize(
    "found",
    [
        lambda: collapsed_prediction(S(1.0), S(0.2)),
        lambda: collapsed_prediction(None, None, S(0.001), S(1.0)),
        lambda: collapsed_prediction(S(1.0), S(0.2), None, None, FLAT),
        lambda: collapsed_prediction(S(1.0), S(0.2), losses=Facts.of({"site": "s", "classes": 10})),
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
        lambda: collapsed_prediction(S(0.6), S(0.2)),
        lambda: collapsed_prediction(S(1.0), S(0.95)),
        lambda: collapsed_prediction(None, None, S(0.1), S(1.0)),
        lambda: collapsed_prediction(None, None, S(0.0), S(0.0)),
        lambda: collapsed_prediction(S(1.0)),
        lambda: collapsed_prediction(S(1.0, 20), S(0.2, 20)),
        lambda: collapsed_prediction(LayerSeries.of(s=[1.0] * 50 + [0.3] * 50), S(0.2, 100)),
        lambda: collapsed_prediction(S(1.0), S(0.2), losses=Facts.of({"site": "s", "classes": 500})),
        lambda: collapsed_prediction(),
        lambda: collapsed_prediction(S(float("nan")), S(0.2)),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_what_learns_all_the_same():
    assert {f.severity for f in collapsed_prediction(S(1.0), S(0.2), None, None, FALLING)} == {"note"}
