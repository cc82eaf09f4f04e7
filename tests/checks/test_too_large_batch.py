"""A batch far larger than the gradient needs."""

from netvet.checks.too_large_batch import too_large_batch
from netvet.core import Facts, LayerSeries


def test_fires_beyond_the_limit():
    found = too_large_batch(Facts.of({"ratio": 0.001, "scale": 4.0, "batch": 4000, "steps": 200}))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert too_large_batch(Facts.of({"ratio": 5.0, "scale": 40.0, "batch": 8, "steps": 200})) == []
    assert too_large_batch(Facts.of({})) == []


def full_batch(model=0.6, steps=20, batch=1400):
    loss = LayerSeries.of(**{"t:4": [2.3 - 0.02 * i for i in range(steps)]})
    inputs = Facts.of({"phase": "train", "batch": batch})
    scored = {"split": "val", "score": "accuracy", "samples": 400, "model": model, "linear": 0.92, "nearest": 0.96}
    return too_large_batch(None, loss, inputs, Facts.of({"train": 1400}), Facts.of(scored))


def test_warns_of_epochs_of_one_step_that_end_while_the_loss_falls():
    (finding,) = full_batch()
    assert finding.severity == "warning"
    assert "20 steps" in finding.message


def test_is_quiet_for_a_full_batch_that_has_learned():
    assert full_batch(model=0.95) == []


def test_is_quiet_for_several_batches_an_epoch():
    assert full_batch(batch=64) == []


def ids(reached=0.5, end=0.92, batch=1400):
    loss = LayerSeries.of(**{"t:4": [1.0 - (1 - end) * i / 23 for i in range(24)]})
    probe = Facts.of({"start": 1.0, "multiples": [0.1, 1, 10], "losses": [1.0, 0.93, reached]})
    inputs = Facts.of({"phase": "train", "batch": batch})
    return too_large_batch(None, loss, inputs, Facts.of({"train": 1400}), None, probe)


def test_warns_where_no_simple_learner_applies_but_a_copy_learns_at_once():
    (finding,) = ids()
    assert finding.severity == "warning"
    assert "brought it to 0.5" in finding.message


def test_is_quiet_where_the_loss_has_fallen_or_cannot_fall():
    assert ids(end=0.3) == []
    assert ids(reached=0.9) == []
    assert ids(batch=64) == []
