"""Suspected labels."""

import pytest

from netvet.checks.label_errors import label_errors
from netvet.core import Facts

ONE = {"key": "17", "given": "3", "suggested": "8", "given_probability": 0.0, "suggested_probability": 0.99}
SICK = {
    "split": "train", "samples": 1000, "suspects": 40, "share": 0.05, "low": 0.03, "high": 0.07, "overlap": 0.02,
    "wrong": 25, "sure": 500, "examples": [ONE], "task": "classification", "learner": "random trees", "accuracy": 0.93,
}  # fmt: skip


def test_fires_on_the_fault():
    (finding,) = label_errors(Facts.of(SICK))
    assert finding.severity == "warning"
    assert "first 17: given 3, more like 8" in finding.message


@pytest.mark.parametrize(
    "change", [{"share": 0.005}, {"low": 0.001}, {"wrong": 3}, {"overlap": 0.3}, {"overlap": 0.08, "sure": 100}]
)
def test_is_a_note_where_it_may_be_overlap_or_chance(change):
    assert [f.severity for f in label_errors(Facts.of({**SICK, **change}))] == ["note"]


def test_says_how_many_more_may_be_wrong():
    (finding,) = label_errors(Facts.of({**SICK, "possible": 12, "expected": 5.4}))
    assert finding.message.endswith("; 12 more may be wrong")
    assert finding.severity == "warning"


def test_possible_errors_alone_are_a_note_at_most():
    (finding,) = label_errors(Facts.of({**SICK, "suspects": 0, "possible": 60, "expected": 25.0}))
    assert finding.severity == "note"
    assert "60 of 1,000 labels of train may be wrong, some 25 of them are" in finding.message
    assert label_errors(Facts.of({**SICK, "suspects": 0, "possible": 12, "expected": 5.4})) == []


def test_numbers_are_a_note():
    number = {**ONE, "given": 50.0, "suggested": 3.25, "suggested_probability": None}
    (finding,) = label_errors(Facts.of({**SICK, "task": "regression", "examples": [number]}))
    assert finding.severity == "note"
    assert "given 50, more like 3.25" in finding.message


def test_is_quiet_without_suspects():
    assert label_errors(Facts.of({**SICK, "suspects": 0})) == []


def test_is_quiet_without_fields():
    assert label_errors(Facts.of({})) == []
