"""Sudden peaks of the training loss."""

import pytest

from netvet.checks.loss_spikes import loss_spikes
from netvet.core import LayerSeries


@pytest.mark.parametrize(
    "found",
    [
        lambda: loss_spikes(LayerSeries.of(b=([1.0, 1.1, 0.9] * 15 + [9.0]) * 4)),
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
        lambda: loss_spikes(LayerSeries.of(b=[1.0, 1.1, 0.9] * 30)),
        lambda: loss_spikes(LayerSeries.of(b=[1.0, 2.0, 0.5, 1.5] * 30)),
        lambda: loss_spikes(LayerSeries.of(b=[1.0, 9.0])),
        lambda: loss_spikes(LayerSeries.of(b=[])),
        lambda: loss_spikes(LayerSeries.of(b=[0.0] * 80)),
        lambda: loss_spikes(LayerSeries.of(b=[-1.0, -1.1] * 40 + [5.0])),
        lambda: loss_spikes(LayerSeries.of(b=[0.1, 0.11, 0.09] * 20 + [9.0, 12.0, 8.0, 15.0] * 20)),  # another level
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_one_spike_that_heals():
    assert {f.severity for f in loss_spikes(LayerSeries.of(b=[1.0, 1.1, 0.9] * 20 + [9.0] + [0.5] * 50))} == {"note"}


def test_a_note_on_a_loss_that_can_be_negative():
    rewards = ([1.0, 1.1, 0.9] * 15 + [9.0, -2.0]) * 4
    assert {f.severity for f in loss_spikes(LayerSeries.of(b=rewards))} == {"note"}
