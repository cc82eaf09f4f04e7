"""Repeats."""

from netvet.checks.repeated_worker_rng import repeated_worker_rng
from netvet.core import Facts

SICK = {"loader": "train", "repeated": 1.0}


def test_fires_on_the_fault():
    (finding,) = repeated_worker_rng(Facts.of(SICK))
    assert "100%" in finding.message


def test_is_quiet_below_the_limit():
    assert repeated_worker_rng(Facts.of({**SICK, "repeated": 0.1})) == []


def test_is_quiet_for_states_nobody_uses():
    assert repeated_worker_rng(Facts.of({**SICK, "repeated": 0.0, "numpy_state_equal": True})) == []


def test_is_quiet_without_fields():
    assert repeated_worker_rng(Facts.of({})) == []
