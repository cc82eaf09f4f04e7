"""A batch so small that its gradient is mostly noise."""

from netvet.checks.too_small_batch import too_small_batch
from netvet.core import Facts


def test_fires_beyond_the_limit():
    found = too_small_batch(Facts.of({"ratio": 500.0, "scale": 4000.0, "batch": 8, "steps": 200}))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert too_small_batch(Facts.of({"ratio": 5.0, "scale": 40.0, "batch": 8, "steps": 200})) == []
    assert too_small_batch(Facts.of({})) == []
