"""Equal inputs, different labels."""

from netvet.checks.conflicting_labels import conflicting_labels
from netvet.core import Facts

SICK = {"kind": "equal", "task": "classification", "groups": 3, "samples": 6, "total": 600, "share": 0.01}


def test_fires_on_the_fault():
    (finding,) = conflicting_labels(Facts.of(SICK))
    assert finding.severity == "warning"
    assert "6 of 600" in finding.message


def test_natural_conflicts_of_coarse_features_are_a_note():
    (finding,) = conflicting_labels(Facts.of({**SICK, "by_chance": True}))
    assert finding.severity == "note"
    assert "natural" in finding.message


def test_few_near_inputs_are_a_note_and_many_a_warning():
    near = {**SICK, "kind": "near", "share": 0.005}
    assert [f.severity for s in (0.005, 0.05) for f in conflicting_labels(Facts.of({**near, "share": s}))] == [
        "note",
        "warning",
    ]


def test_numbers_are_said_to_differ():
    (finding,) = conflicting_labels(Facts.of({**SICK, "task": "regression"}))
    assert "differs by more" in finding.message


def test_is_quiet_without_any():
    assert conflicting_labels(Facts.of()) == []
    assert conflicting_labels(Facts.of({})) == []
