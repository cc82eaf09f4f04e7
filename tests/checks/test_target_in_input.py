"""Copies of the target."""

from netvet.checks import load
from netvet.checks.target_in_input import target_in_input
from netvet.core import Facts

SICK = {"model": "Net", "shifted_identity": True}


def test_fires_on_the_fault():
    (finding,) = target_in_input(Facts.of(SICK))
    assert "same position" in finding.message


def test_a_column_of_a_table_is_to_be_removed_and_a_sequence_to_be_shifted():
    check = load("target-in-input")
    (column,) = check(Facts.of({"model": "train.csv", "column": "price"}))
    (sequence,) = check(Facts.of(SICK))
    assert [fix.name for fix in check.advised(column)] == ["drop-column"]
    assert [fix.name for fix in check.advised(sequence)] == ["shift-target", "drop-column"]


def test_is_quiet_for_autoencoders():
    assert target_in_input(Facts.of({**SICK, "autoencoder": True})) == []


def test_is_quiet_for_shifted_targets():
    assert target_in_input(Facts.of({**SICK, "shifted_identity": False})) == []


def test_is_quiet_for_exact_linear_maps():
    assert target_in_input(Facts.of({**SICK, "shifted_identity": None, "r2": 1.0})) == []


def test_is_quiet_without_fields():
    assert target_in_input(Facts.of({})) == []


def test_a_window_is_located_where_the_targets_are_made_and_a_column_where_the_inputs_are():
    inputs = Facts.of({"model": "Net", "phase": "train", "chosen_file": "t.py", "chosen_line": 3})
    losses = Facts.of({"phase": "train", "target_file": "t.py", "target_line": 5})
    record = {"model": "Net", "column": 1}
    (finding,) = target_in_input(Facts.of({**record, "step": 23, "steps": 24}), inputs, losses)
    assert "column 1 of the input of Net at step 23 of 24 equals" in finding.message
    assert str(finding.location) == "t.py:5"
    (finding,) = target_in_input(Facts.of(record), inputs, losses)
    assert str(finding.location) == "t.py:3"


def test_a_multiple_of_the_target_is_a_warning():
    (finding,) = target_in_input(Facts.of({"model": "Net", "column": 1, "scaled": True}))
    assert "multiple" in finding.message
    assert finding.severity == "warning"
