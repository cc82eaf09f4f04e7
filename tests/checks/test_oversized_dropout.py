"""Too much dropout."""

from netvet.checks.oversized_dropout import oversized_dropout
from netvet.core import Facts, LayerSeries

SITE = Facts.of({"site": "t:4", "phase": "train", "function": "cross_entropy", "classes": 10})


def found(rate=0.85, training=1.6, without=0.9, cls="Dropout"):
    modules = Facts.of({"name": "drop", "cls": cls, "settings": {"p": rate}}, {"name": "fc", "cls": "Linear"})
    loss = LayerSeries.of(**{"t:4": [2.3, 2.2, *[training] * 80]})
    return oversized_dropout(modules, loss, LayerSeries.of(**{"t:4": [2.3, *[without] * 80]}), SITE)


def test_fires_with_the_layer_and_the_rate():
    (finding,) = found()
    assert finding.where == "drop"
    assert "85%" in finding.message


def test_knows_the_dropout_of_channels():
    assert found(cls="Dropout2d")


def test_is_quiet_at_the_usual_rate():
    assert found(rate=0.5) == []


def test_is_quiet_where_the_training_samples_are_learned_with_it():
    assert found(training=0.3, without=0.1) == []


def test_is_quiet_where_the_net_without_dropout_does_no_better():
    assert found(without=1.5) == []


def test_is_quiet_for_a_layer_that_drops_everything_on_purpose():
    assert found(rate=1.0) == []


def test_is_quiet_on_empty_signals():
    assert oversized_dropout(Facts.of({}), LayerSeries({}), LayerSeries({})) == []
