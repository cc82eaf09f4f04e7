"""Groups in two splits."""

from netvet.checks.group_overlap import group_overlap
from netvet.core import Facts

SICK = {"train": "train", "split": "val", "column": "patient", "said": True, "groups": 40, "shared": 12}


def test_fires_on_the_fault():
    (finding,) = group_overlap(Facts.of({**SICK, "samples": 200, "shared_samples": 60}))
    assert finding.severity == "error"
    assert finding.value == 0.3


def test_is_a_note_for_a_column_that_nobody_named():
    assert [f.severity for f in group_overlap(Facts.of({**SICK, "said": False}))] == ["note"]


def test_is_quiet_where_groups_are_apart():
    assert group_overlap(Facts.of({**SICK, "shared": 0})) == []


def test_is_quiet_without_fields():
    assert group_overlap(Facts.of({})) == []
