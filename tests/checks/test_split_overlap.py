"""Shared samples."""

from netvet.checks.split_overlap import split_overlap
from netvet.core import Facts

SICK = {"train": 1000, "eval": 200, "overlap": 50, "granular": 64, "duplicates": 0, "train_seen": 1000}


def test_fires_on_the_fault():
    (finding,) = split_overlap(Facts.of(SICK))
    assert "50 of 200" in finding.message


def test_is_quiet_without_overlap():
    assert split_overlap(Facts.of({**SICK, "overlap": 0})) == []


def test_is_quiet_for_tiny_splits():
    assert split_overlap(Facts.of({**SICK, "eval": 5, "overlap": 1})) == []


def test_is_quiet_for_short_inputs_that_collide():
    assert split_overlap(Facts.of({**SICK, "granular": 3, "duplicates": 200})) == []


def test_small_overlap_and_no_split_at_all_are_notes():
    small = Facts.of({**SICK, "overlap": 1})
    same = Facts.of({**SICK, "eval": 1000, "overlap": 1000})
    assert [f.severity for s in (small, same) for f in split_overlap(s)] == ["note", "note"]


def test_is_quiet_for_tokens_that_repeat():
    repeats = Facts.of({**SICK, "duplicates": 400})
    assert split_overlap(repeats, Facts.of({"dtype": "int64"})) == []


def test_is_quiet_without_fields():
    assert split_overlap(Facts.of({})) == []


def test_an_audit_says_which_split_and_whether_it_is_by_chance():
    audited = {**SICK, "granular": 3, "by_chance": False, "split": "test", "overlap_keys": [["test: 1", "train: 2"]]}
    (finding,) = split_overlap(Facts.of(audited))
    assert finding.where == "test"
    assert finding.evidence["pairs"] == [["test: 1", "train: 2"]]
    assert split_overlap(Facts.of({**audited, "by_chance": True})) == []


def test_near_copies_in_a_held_out_split_warn():
    near = {
        "split": "test", "other": "train", "role": "test", "other_role": "train", "samples": 20, "total": 200,
        "share": 0.1,
    }  # fmt: skip
    (finding,) = split_overlap(Facts.of({}), None, None, None, Facts.of(near))
    assert finding.severity == "warning"
    (finding,) = split_overlap(Facts.of({}), None, None, None, Facts.of({**near, "share": 0.01, "samples": 2}))
    assert finding.severity == "note"
    assert split_overlap(Facts.of({}), None, None, None, Facts.of({**near, "other_role": "other"})) == []


def test_possible_near_copies_between_splits_are_a_clause_or_a_note():
    near = {
        "split": "val", "other": "train", "role": "val", "other_role": "train", "samples": 8, "total": 100,
        "share": 0.08, "possible": 5,
    }  # fmt: skip
    (finding,) = split_overlap(Facts.of({}), None, None, None, Facts.of(near))
    assert finding.severity == "warning"
    assert finding.message.endswith("; 5 more may be")
    (finding,) = split_overlap(Facts.of({}), None, None, None, Facts.of({**near, "samples": 0, "share": 0.0}))
    assert finding.severity == "note"
    assert finding.message.startswith("5 of 100 samples of val may be")
