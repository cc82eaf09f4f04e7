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


def test_labels_of_a_score_count_where_evaluation_has_no_loss():
    train = {"site": "t.py:9", "phase": "train", "kind": "classes", "outputs": 4, "counts": [0, 40, 48, 36]}
    score = {"split": "val", "classes_dim": 1, "target_counts": [19, 23, 12]}
    (finding,) = missing_class(Facts.of(train), metrics=Facts.of(score))
    assert "class 0 is in none of 124 training samples" in finding.message
    assert not missing_class(Facts.of(train), metrics=Facts.of({**score, "split": "train"}))
    assert not missing_class(Facts.of(train), metrics=Facts.of({**score, "classes_dim": None}))
