"""First-layer filters that look like noise."""

from netvet.checks.noisy_first_layer import noisy_first_layer
from netvet.core import Facts


def test_fires_beyond_the_limit():
    found = noisy_first_layer(Facts.of({"roughness": 0.5, "roughness_init": 0.5, "filters": 16}))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert noisy_first_layer(Facts.of({"roughness": 0.2, "roughness_init": 0.5, "filters": 16})) == []
    assert noisy_first_layer(Facts.of({})) == []
