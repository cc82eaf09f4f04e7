"""Two scales."""

from netvet.checks.mismatched_normalisation import mismatched_normalisation
from netvet.core import Facts

TRAIN = {"model": "Net", "position": 0, "phase": "train", "dtype": "float32", "mean": 0.3, "std": 0.4, "samples": 900}
TRAIN |= {"min": 0.0, "max": 1.0}
SCORE = {**TRAIN, "phase": "eval", "mean": 76.5, "std": 102.0, "max": 255.0}
DONE = Facts.of({"model": "Net", "accuracy": 0.1})


def test_fires_on_the_fault():
    (finding,) = mismatched_normalisation(Facts.of(TRAIN, SCORE), DONE)
    assert "std 102 in evaluation" in finding.message
    assert finding.severity is None


def test_is_quiet_for_equal_scale():
    assert mismatched_normalisation(Facts.of(TRAIN, {**TRAIN, "phase": "eval", "std": 0.45}), DONE) == []


def test_is_quiet_for_rollouts():
    assert mismatched_normalisation(Facts.of(TRAIN, SCORE), Facts.of({"model": "Net"})) == []


def test_is_quiet_without_fields():
    assert mismatched_normalisation(Facts.of({}), Facts.of({})) == []


def test_parts_of_one_tensor_were_scaled_alike():
    train, score = ({**r, "origin_file": "t.py", "origin_line": 4} for r in (TRAIN, SCORE))
    (finding,) = mismatched_normalisation(Facts.of(train, score), DONE)
    assert finding.severity == "note"
    (finding,) = mismatched_normalisation(Facts.of(train, {**score, "origin_line": 5}), DONE)
    assert finding.severity is None
