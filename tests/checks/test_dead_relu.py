"""ReLU units that never fire."""

import pytest

from netvet.checks.dead_relu import dead_relu
from netvet.core import LayerSeries

FALLING = LayerSeries.of(b=[2.3 - 0.02 * i for i in range(100)])
FLAT = LayerSeries.of(b=[2.3, 2.31] * 50)


@pytest.mark.parametrize(
    "found",
    [
        lambda: dead_relu(LayerSeries.of(a=[0.6] * 100)),
        lambda: dead_relu(LayerSeries.of(a=[0.1] * 20 + [0.99] * 80, c=[0.99] * 100), FLAT),
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
        lambda: dead_relu(LayerSeries.of(a=[0.2] * 100)),
        lambda: dead_relu(LayerSeries.of(a=[0.99] * 80 + [0.1] * 20)),
        lambda: dead_relu(LayerSeries.of(a=[0.99] * 20)),
        lambda: dead_relu(LayerSeries.of(a=[])),
        lambda: dead_relu(LayerSeries.of(a=[float("nan")] * 90)),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_what_learns_all_the_same():
    assert {f.severity for f in dead_relu(LayerSeries.of(a=[0.6] * 100), FALLING)} == {"note"}


def test_many_layers_are_one_finding():
    (finding,) = dead_relu(LayerSeries.of(a=[0.7] * 100, c=[0.95] * 100))
    assert finding.where == "c"
    assert "2 layers" in finding.message
