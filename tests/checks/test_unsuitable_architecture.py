"""A net through which nothing of its inputs gets."""

import pytest

from netvet.checks.unsuitable_architecture import unsuitable_architecture
from netvet.core import Facts

ACCUSES = {"verdict": "advice", "suspects": ("unsuitable-architecture",)}
OWN = {"experiment": "simple-twin", "message": "a plain one learns, this one does not", **ACCUSES}
DIGITS = {"experiment": "known-data", "message": "right on 10% of digits", **ACCUSES}


def test_both_trials_name_it():
    (finding,) = unsuitable_architecture(Facts.of(OWN, DIGITS))
    assert finding.message == "a plain one learns, this one does not; right on 10% of digits"


@pytest.mark.parametrize("records", [(OWN,), (DIGITS,), (OWN, DIGITS | {"verdict": "passed"}), ()])
def test_one_trial_is_not_enough(records):
    assert unsuitable_architecture(Facts.of(*records)) == []


def test_advice_of_another_kind_is_none():
    assert unsuitable_architecture(Facts.of(OWN, DIGITS | {"suspects": ("random-labels",)})) == []
