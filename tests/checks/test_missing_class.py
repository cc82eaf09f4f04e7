"""Absent classes."""

from netvet.checks.missing_class import missing_class
from netvet.core import Facts

TRAIN = {"phase": "train", "kind": "classes", "outputs": 3, "counts": [300, 300, 0]}
SCORE = {**TRAIN, "phase": "eval", "counts": [50, 50, 40]}


def test_fires_on_the_fault():
    (finding,) = missing_class(Facts.of(TRAIN, SCORE))
    assert "40 of 140" in finding.message


def test_is_quiet_for_rare_classes():
    assert missing_class(Facts.of(TRAIN, {**SCORE, "counts": [90, 90, 1]})) == []


def test_is_quiet_for_an_incomplete_epoch():
    assert missing_class(Facts.of(TRAIN, SCORE), Facts.of({"complete": False})) == []


def test_is_quiet_without_fields():
    assert missing_class(Facts.of({})) == []
