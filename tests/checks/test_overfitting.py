"""A validation loss that rises while the training loss falls."""

import pytest

from netvet.checks.overfitting import overfitting
from netvet.core import Facts, LayerSeries

VAL = LayerSeries.of(v=[1.0, 0.8, 0.6, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1])
TRAIN = LayerSeries.of(b=[1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06])


@pytest.mark.parametrize(
    "found",
    [
        lambda: overfitting(VAL, TRAIN),
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
        lambda: overfitting(LayerSeries.of(v=[1.0, 0.8, 0.6, 0.5, 0.45, 0.42, 0.4]), TRAIN),
        lambda: overfitting(LayerSeries.of(v=[1.0, 0.5, 1.1, 0.6, 1.2, 0.5, 1.0, 0.6]), TRAIN),
        lambda: overfitting(VAL, LayerSeries.of(b=[1.0 + 0.1 * i for i in range(10)])),
        lambda: overfitting(LayerSeries.of(v=[1.0, 2.0]), TRAIN),
        lambda: overfitting(LayerSeries.of(v=[]), TRAIN),
        lambda: overfitting(VAL, LayerSeries.of(b=[])),
        lambda: overfitting(VAL, LayerSeries.of(b=[1.0], c=[1.0])),
        lambda: overfitting(LayerSeries.of(v=[1.0, 0.8, 0.6, 0.5, 0.505, 0.51, 0.51, 0.51, 0.51]), TRAIN),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_a_script_that_keeps_its_weights():
    assert {f.severity for f in overfitting(VAL, TRAIN, Facts.of({"kind": "save"}, {"kind": "save"}))} == {"note"}


def test_is_quiet_where_nothing_was_ever_learned():
    site = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 10})
    high = LayerSeries.of(v=[20 * v for v in VAL["v"].values])
    assert overfitting(VAL, TRAIN, None, site)
    assert overfitting(high, TRAIN, None, site) == []


def test_a_loss_that_is_a_small_part_of_what_is_minimised_is_no_judge():
    part = Facts.of({"site": "v", "phase": "train", "share": 0.02})
    assert overfitting(VAL, TRAIN, losses=part) == []
    assert overfitting(VAL, TRAIN, losses=Facts.of({"site": "v", "phase": "train", "share": 0.98}))
