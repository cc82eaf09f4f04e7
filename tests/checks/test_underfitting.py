"""A training loss that levels off high."""

from netvet.checks.underfitting import underfitting
from netvet.core import Facts, LayerSeries

CE = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 10})


def test_fires_beyond_the_limit():
    found = underfitting(LayerSeries.of(t=[2.3, 2.1, *[1.9, 1.91] * 80]), CE)
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert underfitting(LayerSeries.of(t=[2.3, 2.1, *[0.9, 0.91] * 80]), CE) == []
    assert underfitting(LayerSeries.of(t=[2.3] * 200)) == []
    assert underfitting(LayerSeries.of(t=[]), CE) == []


def scored(model=0.5, fitted=0.52):
    loss = LayerSeries.of(t=[2.3, 2.0, *[1.1, 1.11] * 80])
    record = {"split": "val", "score": "accuracy", "samples": 400, "model": model, "linear": 0.92, "nearest": 0.96}
    return underfitting(loss, CE, None, None, Facts.of(record), LayerSeries.of(t=[fitted] * 160))


def test_warns_where_a_simple_learner_fits_what_the_net_does_not():
    (finding,) = scored()
    assert finding.severity == "warning"
    assert "0.96" in finding.message


def test_is_quiet_where_the_training_samples_are_fitted():
    assert scored(fitted=0.99) == []


def test_is_quiet_where_most_of_the_loss_is_gone():
    loss = LayerSeries.of(t=[2.3, 2.0, *[0.3, 0.31] * 80])
    record = {"split": "val", "score": "accuracy", "samples": 400, "model": 0.8, "linear": 0.99, "nearest": 0.99}
    assert underfitting(loss, CE, None, None, Facts.of(record)) == []


def test_is_quiet_where_the_net_keeps_up():
    assert scored(model=0.95) == []
