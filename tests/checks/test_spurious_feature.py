"""Metadata that predict the class."""

from netvet.checks.spurious_feature import spurious_feature
from netvet.core import Facts

SICK = {"split": "train", "attribute": "width", "skill": 0.9, "permuted": 0.05, "container": True}


def test_fires_on_the_fault():
    (finding,) = spurious_feature(Facts.of({**SICK, "typical": {"cat": 640.0, "dog": 512.0}}))
    assert finding.severity == "warning"
    assert "cat 640, dog 512" in finding.message


def test_is_quiet_below_the_limit():
    assert spurious_feature(Facts.of({**SICK, "skill": 0.4})) == []


def test_what_may_be_content_is_a_note_and_only_where_it_decides_the_class():
    light = {**SICK, "attribute": "brightness", "container": False}
    assert [f.severity for f in spurious_feature(Facts.of({**light, "skill": 0.95}))] == ["note"]
    assert spurious_feature(Facts.of({**light, "skill": 0.7})) == []


def test_is_quiet_where_shuffled_classes_are_predicted_too():
    assert spurious_feature(Facts.of({**SICK, "permuted": 0.6})) == []


def test_is_quiet_without_fields():
    assert spurious_feature(Facts.of({})) == []
