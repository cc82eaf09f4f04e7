"""Steps of the wrong length for the weights."""

import pytest

from netvet.checks.huge_updates import huge_updates
from netvet.core import LayerSeries

FALLING = LayerSeries.of(b=[2.3 - 0.02 * i for i in range(100)])
FLAT = LayerSeries.of(b=[2.3, 2.31] * 50)


@pytest.mark.parametrize(
    "found",
    [
        lambda: huge_updates(LayerSeries.of(a=[0.5] * 30)),
        lambda: huge_updates(LayerSeries.of(a=[0.5] * 30, c=[0.5] * 30, d=[1e-3] * 30), FLAT),
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
        lambda: huge_updates(LayerSeries.of(a=[1e-3] * 30)),
        lambda: huge_updates(LayerSeries.of(a=[0.5] * 10 + [1e-3] * 30)),
        lambda: huge_updates(LayerSeries.of(a=[0.0] * 30)),
        lambda: huge_updates(LayerSeries.of(**{"a.bias": [0.5] * 30})),
        lambda: huge_updates(LayerSeries.of(a=[0.5] * 5)),
        lambda: huge_updates(LayerSeries.of(a=[])),
        lambda: huge_updates(LayerSeries.of(a=[0.5] * 30, c=[1e-3] * 30, d=[1e-3] * 30)),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_what_learns_all_the_same():
    assert {f.severity for f in huge_updates(LayerSeries.of(a=[0.5] * 30), FALLING)} == {"note"}
