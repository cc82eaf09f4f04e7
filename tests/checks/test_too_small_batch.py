"""A batch so small that its gradient is mostly noise."""

from netvet.checks.too_small_batch import too_small_batch
from netvet.core import Facts, LayerSeries


def test_fires_beyond_the_limit():
    found = too_small_batch(Facts.of({"ratio": 500.0, "scale": 4000.0, "batch": 8, "steps": 200}))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert too_small_batch(Facts.of({"ratio": 5.0, "scale": 40.0, "batch": 8, "steps": 200})) == []
    assert too_small_batch(Facts.of({})) == []


def shaken(batch=2, model=0.78, values=(0.1, 1.9, 0.3, 1.2)):
    loss = LayerSeries.of(t=[2.3, *values * 60])
    record = {"split": "val", "score": "accuracy", "samples": 400, "model": model, "linear": 0.92, "nearest": 0.96}
    return too_small_batch(
        Facts.of({"ratio": 6.0, "scale": 12.0, "batch": batch, "steps": 200}), loss, Facts.of(record)
    )


def test_warns_of_a_handful_of_samples_where_loss_and_score_suffer():
    (finding,) = shaken()
    assert finding.severity == "warning"


def test_is_quiet_for_a_small_batch_that_learns():
    assert shaken(model=0.95) == []
    assert shaken(values=(0.9, 1.0, 1.1, 1.0)) == []
    assert shaken(batch=16) == []


def test_needs_no_more_gradients_than_a_slow_machine_compares():
    seen = {"ratio": 500.0, "scale": 4000.0, "batch": 8}
    assert too_small_batch(Facts.of({**seen, "steps": 27}))
    assert too_small_batch(Facts.of({**seen, "steps": 12})) == []
