"""Labels."""

from netvet.checks.label_out_of_range import label_out_of_range
from netvet.core import Facts

SICK = {"exception": "IndexError: Target 10 is out of bounds."}


def test_fires_on_the_fault():
    (finding,) = label_out_of_range(Facts.of(SICK))
    assert "label 10" in finding.message


def test_is_quiet_for_other_errors():
    assert label_out_of_range(Facts.of({**SICK, "exception": "IndexError: list index out of range"})) == []


def test_is_quiet_for_a_good_run():
    assert label_out_of_range(Facts.of({**SICK, "exception": None})) == []


def test_is_quiet_without_fields():
    assert label_out_of_range(Facts.of({})) == []
