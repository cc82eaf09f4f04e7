"""Training data from after the held-out data."""

from netvet.checks.future_in_train import future_in_train
from netvet.core import Facts

SICK = {"train": "train", "split": "val", "samples": 800, "late": 120, "said": True, "intent": 0.5}


def test_fires_on_the_fault():
    assert [f.severity for f in future_in_train(Facts.of(SICK))] == ["error"]


def test_is_quiet_for_random_splits_where_no_time_was_named():
    assert future_in_train(Facts.of({**SICK, "said": False})) == []


def test_warns_where_the_split_is_nearly_by_time():
    assert [f.severity for f in future_in_train(Facts.of({**SICK, "said": False, "intent": 0.9}))] == ["warning"]


def test_is_quiet_for_the_past():
    assert future_in_train(Facts.of({**SICK, "late": 0})) == []


def test_is_quiet_without_fields():
    assert future_in_train(Facts.of({})) == []
