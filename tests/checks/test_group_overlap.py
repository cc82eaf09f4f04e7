"""Groups in two splits."""

import pytest

from netvet.checks.group_overlap import group_overlap
from netvet.core import Facts

SICK = {"train": "train", "split": "val", "column": "patient", "said": True, "groups": 40, "shared": 12}


def test_fires_on_the_fault():
    (finding,) = group_overlap(Facts.of({**SICK, "samples": 200, "shared_samples": 60}))
    assert finding.severity == "error"
    assert finding.value == 0.3


def test_is_a_note_for_a_column_that_nobody_named():
    assert [f.severity for f in group_overlap(Facts.of({**SICK, "said": False}))] == ["note"]


@pytest.mark.parametrize(
    ("told", "severity"),
    [({"alike": 0.9, "random": True}, "warning"), ({"alike": 0.9, "random": False}, "note"), ({"alike": 0.2}, "note")],
)
def test_targets_of_groups_tell_whether_it_matters(told, severity):
    (finding,) = group_overlap(Facts.of({**SICK, "said": False, **told}))
    assert finding.severity == severity


def test_is_quiet_where_groups_are_apart():
    assert group_overlap(Facts.of({**SICK, "shared": 0})) == []


def test_is_quiet_without_fields():
    assert group_overlap(Facts.of({})) == []
