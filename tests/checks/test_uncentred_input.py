"""Means."""

from netvet.checks.uncentred_input import uncentred_input
from netvet.core import Facts

SICK = {
    "model": "Net",
    "position": 0,
    "phase": "train",
    "dtype": "float32",
    "feature_mean": [8.0, 9.0],
    "feature_std": [1.0, 1.0],
}


def test_fires_on_the_fault():
    (finding,) = uncentred_input(Facts.of(SICK))
    assert "8.5 std" in finding.message


def test_is_quiet_for_pixels():
    assert uncentred_input(Facts.of({**SICK, "feature_mean": [0.5, 0.5], "feature_std": [0.25, 0.25]})) == []


def test_is_quiet_for_one_number():
    assert uncentred_input(Facts.of({**SICK, "feature_mean": [9.0], "feature_std": [1.0]})) == []


def test_is_quiet_for_constant_features():
    assert uncentred_input(Facts.of({**SICK, "feature_std": [0.0, 0.0]})) == []


def test_is_quiet_without_fields():
    assert uncentred_input(Facts.of({})) == []
