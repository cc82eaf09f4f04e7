"""A learning rate that is gone while the loss still falls."""

import math

import pytest

from netvet.checks.lr_decays_early import lr_decays_early
from netvet.core import LayerSeries

GONE = LayerSeries.of(a=[0.1 * 0.8**i for i in range(100)])
COSINE = LayerSeries.of(a=[0.05 * (1 + math.cos(math.pi * i / 100)) for i in range(100)])
FALLS_THEN_STOPS = LayerSeries.of(b=[2.3 - 0.05 * min(i, 14) for i in range(100)])


@pytest.mark.parametrize(
    "found",
    [
        lambda: lr_decays_early(GONE, FALLS_THEN_STOPS),
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
        lambda: lr_decays_early(COSINE, FALLS_THEN_STOPS),
        lambda: lr_decays_early(GONE, LayerSeries.of(b=[1.0, 1.01] * 50)),
        lambda: lr_decays_early(GONE, LayerSeries.of(b=[2.3 - 0.02 * i for i in range(100)])),
        lambda: lr_decays_early(LayerSeries.of(a=[0.1] * 100), FALLS_THEN_STOPS),
        lambda: lr_decays_early(LayerSeries.of(a=[]), LayerSeries.of(b=[])),
        lambda: lr_decays_early(GONE, LayerSeries({**FALLS_THEN_STOPS, "g": FALLS_THEN_STOPS["b"]})),
        lambda: lr_decays_early(LayerSeries.of(a=[0.0] * 100), FALLS_THEN_STOPS),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []
