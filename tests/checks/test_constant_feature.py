"""Constant inputs."""

from netvet.checks.constant_feature import constant_feature
from netvet.core import Facts

SICK = {
    "model": "Net",
    "position": 0,
    "phase": "train",
    "dtype": "float32",
    "samples": 640,
    "batch": 32,
    "constant_features": 64,
    "features": 64,
    "min": 0.0,
    "max": 0.0,
}


def test_fires_on_the_fault():
    (finding,) = constant_feature(Facts.of(SICK))
    assert "sees nothing" in finding.message


def test_is_quiet_for_tokens():
    assert constant_feature(Facts.of({**SICK, "dtype": "int64"})) == []


def test_is_quiet_for_few_samples():
    assert constant_feature(Facts.of({**SICK, "samples": 8})) == []


def test_is_quiet_for_a_fixed_code():
    assert constant_feature(Facts.of({**SICK, "batch": 1})) == []


def test_is_quiet_for_few_features():
    assert constant_feature(Facts.of({**SICK, "constant_features": 2})) == []


def test_borders_are_a_note():
    (finding,) = constant_feature(Facts.of({**SICK, "constant_features": 13, "max": 1.0}))
    assert finding.severity == "note"


def test_is_quiet_without_fields():
    assert constant_feature(Facts.of({})) == []


def test_a_third_of_the_columns_of_a_table_is_a_warning():
    table = {**SICK, "features": 13, "constant_features": 7, "min": -7.0, "max": 2.0, "shape": [12, 13]}
    (finding,) = constant_feature(Facts.of(table))
    assert finding.severity == "warning"
    assert constant_feature(Facts.of({**table, "constant_features": 3}))[0].severity == "note"
    assert constant_feature(Facts.of({**table, "integral": True}))[0].severity == "note"  # one-hot
    assert constant_feature(Facts.of({**table, "features": 64, "constant_features": 30}))[0].severity == "note"
