"""Columns that give the target away."""

import pytest

from netvet.checks.leaking_feature import leaking_feature
from netvet.core import Facts

SICK = {"split": "train", "column": "code", "alone": 1.0, "next": 0.4, "next_column": "age", "how": "code"}


@pytest.mark.parametrize("how", ["code", "missing", "later", "counter", "function"])
def test_fires_on_the_fault(how):
    (finding,) = leaking_feature(Facts.of({**SICK, "how": how}))
    assert (finding.severity, finding.where) == ("warning", "code")


def test_is_a_note_where_it_may_be_a_good_feature():
    assert [f.severity for f in leaking_feature(Facts.of({**SICK, "how": "unknown"}))] == ["note"]


def test_is_a_note_for_names_of_rows():
    assert [f.severity for f in leaking_feature(Facts.of({**SICK, "identifier": True}))] == ["note"]


def test_is_quiet_without_fields():
    assert leaking_feature(Facts.of({})) == []
