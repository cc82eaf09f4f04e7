"""A batch far larger than the gradient needs."""

from netvet.checks.too_large_batch import too_large_batch
from netvet.core import Facts


def test_fires_beyond_the_limit():
    found = too_large_batch(Facts.of({"ratio": 0.001, "scale": 4.0, "batch": 4000, "steps": 200}))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert too_large_batch(Facts.of({"ratio": 5.0, "scale": 40.0, "batch": 8, "steps": 200})) == []
    assert too_large_batch(Facts.of({})) == []
