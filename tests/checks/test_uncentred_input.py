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


TABLE = {**SICK, "shape": [20, 4], "feature_mean": [3.0, 4.0, 5.0, 1.0], "feature_std": [1.0, 1.0, 1.0, 1.0]}


def test_fires_on_a_table_that_was_only_divided_by_its_std():
    (finding,) = uncentred_input(Facts.of(TABLE))
    assert "mean of 3.6 beside a std of 1" in finding.message


def test_is_quiet_for_columns_scaled_to_the_unit_interval():
    small = {**TABLE, "feature_mean": [0.3, 0.4, 0.5, 0.3], "feature_std": [0.1, 0.1, 0.1, 0.15]}
    assert uncentred_input(Facts.of(small)) == []


def test_is_quiet_behind_a_norm_as_first_weighted_layer():
    layers = [
        {"model": "Net", "cls": "Net", "is_leaf": False, "order": 0, "parameters": 0},
        {"model": "Net", "cls": "Flatten", "is_leaf": True, "order": 1, "parameters": 0},
        {"model": "Net", "cls": "BatchNorm1d", "is_leaf": True, "order": 2, "parameters": 8},
        {"model": "Net", "cls": "Linear", "is_leaf": True, "order": 3, "parameters": 40},
    ]
    assert uncentred_input(Facts.of(TABLE), Facts.of(*layers)) == []
    assert len(uncentred_input(Facts.of(TABLE), Facts.of(*layers[:2], layers[3]))) == 1
