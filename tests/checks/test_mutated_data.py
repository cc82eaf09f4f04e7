"""Changed samples."""

from netvet.checks.mutated_data import mutated_data
from netvet.core import Facts

SICK = {"loader": "train", "checked": 16, "changed": 16, "drift": 0.5}


def test_fires_on_the_fault():
    (finding,) = mutated_data(Facts.of(SICK))
    assert "16 of 16" in finding.message


def test_is_quiet_when_nothing_changed():
    assert mutated_data(Facts.of({**SICK, "changed": 0})) == []


def test_is_quiet_for_a_few_new_labels():
    assert mutated_data(Facts.of({**SICK, "changed": 3})) == []


def test_is_quiet_for_too_few():
    assert mutated_data(Facts.of({**SICK, "checked": 2, "changed": 2})) == []


def test_is_quiet_without_fields():
    assert mutated_data(Facts.of({})) == []
