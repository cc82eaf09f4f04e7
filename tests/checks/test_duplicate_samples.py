"""Copies."""

from netvet.checks.duplicate_samples import duplicate_samples
from netvet.core import Facts

SICK = {"train_seen": 1000, "duplicates": 300, "granular": 64}


def test_fires_on_the_fault():
    (finding,) = duplicate_samples(Facts.of(SICK))
    assert "300 of 1000" in finding.message


def test_is_quiet_below_the_limit():
    assert duplicate_samples(Facts.of({**SICK, "duplicates": 5})) == []


def test_is_quiet_for_short_inputs():
    assert duplicate_samples(Facts.of({**SICK, "granular": 2})) == []


def test_is_quiet_for_replacement():
    assert duplicate_samples(Facts.of({**SICK, "duplicates": None})) == []


def test_is_quiet_for_tokens():
    assert duplicate_samples(Facts.of(SICK), Facts.of({"dtype": "int64"})) == []


def test_is_quiet_without_fields():
    assert duplicate_samples(Facts.of({})) == []


def test_short_rows_of_measured_numbers_are_not_equal_by_chance():
    table = Facts.of({"phase": "train", "dtype": "float32", "distinct": 218})
    short = {**SICK, "granular": 10, "conflicting": 0}
    assert [f.severity for f in duplicate_samples(Facts.of(short), table)] == ["warning"]
    assert duplicate_samples(Facts.of({**short, "conflicting": 40}), table) == []
    assert duplicate_samples(Facts.of(short), Facts.of({"phase": "train", "dtype": "float32", "distinct": 30})) == []


AUDITED = {"train_seen": 1000, "duplicates": 5, "granular": 4, "by_chance": False, "duplicate_keys": [["a", "b"]]}


def test_an_audit_notes_every_copy_that_is_not_by_chance():
    (finding,) = duplicate_samples(Facts.of(AUDITED))
    assert finding.severity == "note"
    assert finding.evidence["examples"] == [["a", "b"]]
    assert duplicate_samples(Facts.of({**AUDITED, "duplicates": 400, "by_chance": True})) == []


def test_near_copies_within_a_split_are_told_apart():
    near = {"split": "train", "other": None, "role": "train", "samples": 30, "total": 1000, "share": 0.03}
    (finding,) = duplicate_samples(Facts.of({}), None, Facts.of(near))
    assert finding.severity == "note"
    (finding,) = duplicate_samples(Facts.of({}), None, Facts.of({**near, "samples": 80, "share": 0.08}))
    assert finding.severity == "warning"
    assert duplicate_samples(Facts.of({}), None, Facts.of({**near, "other": "val"})) == []


def test_possible_near_copies_are_a_clause_or_a_note():
    near = {
        "split": "train",
        "other": None,
        "role": "train",
        "samples": 80,
        "total": 1000,
        "share": 0.08,
        "possible": 7,
    }
    (finding,) = duplicate_samples(Facts.of({}), None, Facts.of(near))
    assert finding.severity == "warning"
    assert finding.message.endswith("; 7 more may be")
    alone = {**near, "samples": 0, "share": 0.0, "possible": 300, "possible_examples": [{"samples": ["a", "b"]}]}
    (finding,) = duplicate_samples(Facts.of({}), None, Facts.of(alone))
    assert (finding.severity, finding.message) == (
        "note", "300 of 1000 samples of train may be all but equal to another one there",
    )  # fmt: skip
    assert finding.evidence["examples"] == [{"samples": ["a", "b"]}]
