"""Steps of the wrong length for the weights."""

import pytest

from netvet.checks.tiny_updates import tiny_updates
from netvet.core import LayerSeries

FALLING = LayerSeries.of(b=[2.3 - 0.02 * i for i in range(100)])
FLAT = LayerSeries.of(b=[2.3, 2.31] * 50)


@pytest.mark.parametrize(
    "found",
    [
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 30)),
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 30, c=[1e-7] * 30, d=[1e-3] * 30), FLAT),
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
        lambda: tiny_updates(LayerSeries.of(a=[1e-3] * 30)),
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 10 + [1e-3] * 30)),
        lambda: tiny_updates(LayerSeries.of(a=[0.0] * 30)),
        lambda: tiny_updates(LayerSeries.of(**{"a.bias": [1e-7] * 30})),
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 5)),
        lambda: tiny_updates(LayerSeries.of(a=[])),
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 30, c=[1e-3] * 30, d=[1e-3] * 30)),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_what_learns_all_the_same():
    assert {f.severity for f in tiny_updates(LayerSeries.of(a=[1e-7] * 30), FALLING)} == {"note"}
