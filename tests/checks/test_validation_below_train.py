"""A validation loss below the training loss."""

from netvet.checks.validation_below_train import validation_below_train
from netvet.core import Facts, LayerSeries


def test_fires_beyond_the_limit():
    found = validation_below_train(LayerSeries.of(v=[0.5] * 6), LayerSeries.of(t=[1.0] * 6))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert validation_below_train(LayerSeries.of(v=[0.9] * 6), LayerSeries.of(t=[1.0] * 6)) == []
    assert validation_below_train(LayerSeries.of(v=[]), LayerSeries.of(t=[])) == []


def augmented(held=0.97, fresh=1.0):
    scores = {"split": "val", "score": "accuracy", "samples": 400, "model": 0.86, "linear": 0.87, "held_best": held}
    seen = Facts.of({"epoch_fresh": fresh})
    (found,) = validation_below_train(LayerSeries.of(v=[0.5] * 6), LayerSeries.of(t=[1.0] * 6), Facts.of(scores), seen)
    return found.severity


def test_warns_where_plain_samples_are_worth_more_than_augmented_ones():
    assert augmented() == "warning"


def test_only_notes_where_they_are_not_or_nothing_is_augmented():
    assert augmented(held=0.88) is None
    assert augmented(held=None) is None
    assert augmented(fresh=0.0) is None
