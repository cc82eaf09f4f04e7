"""Ids."""

from netvet.checks.token_out_of_range import token_out_of_range
from netvet.core import Facts

SICK = {"exception": "IndexError: index out of range in self"}


def test_fires_on_the_fault():
    (finding,) = token_out_of_range(Facts.of(SICK))
    assert "no row" in finding.message


def test_is_quiet_for_other_errors():
    assert token_out_of_range(Facts.of({**SICK, "exception": "IndexError: list index out of range"})) == []


def test_is_quiet_for_a_good_run():
    assert token_out_of_range(Facts.of({**SICK, "exception": None})) == []


def test_is_quiet_without_fields():
    assert token_out_of_range(Facts.of({})) == []
