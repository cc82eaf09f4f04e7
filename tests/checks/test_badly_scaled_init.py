"""Activations that explode or die out on their way through the untrained net."""

from netvet.checks.badly_scaled_init import badly_scaled_init
from netvet.core import Facts

SICK = {
    "layers": [
        {"name": f"fc{i}", "activation_std": 10.0**i, "weight_std": 1.0, "suggested_std": 0.1} for i in range(4)
    ],
    "weighted_layers": 4,
    "activation_ratio": 1000.0,
    "file": "net.py",
    "line": 2,
}


def found(**changes):
    return badly_scaled_init(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "over 4 layers" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(activation_ratio=20.0)
    assert not found(activation_ratio=None)
    assert not found(layers=None)
    assert not found(weighted_layers=1)
    assert not badly_scaled_init(Facts.of({}))
