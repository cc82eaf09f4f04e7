"""Gradients are computed, but the optimizer never steps."""

import pytest

from netvet.checks.missing_step import missing_step
from netvet.core import Facts, Location


def optimizer(**more):
    record = {"name": "Adam", "steps": 0, "backward_seen": True, "parameters": ["fc.weight"]}
    return {**record, "file": "train.py", "line": 20, **more}


CALLS = Facts.of({"calls": 400})


def test_fires_when_the_optimizer_never_steps():
    (finding,) = missing_step(Facts.of(optimizer()), CALLS)
    assert finding.message == "Adam never stepped in 400 backward calls, so its parameters never changed"
    assert finding.location == Location("train.py", 20)
    seen = {**CALLS[0], "file": "train.py", "line": 30}
    (finding,) = missing_step(Facts.of(optimizer()), Facts.of(seen))
    assert finding.location == Location("train.py", 30)  # the step belongs behind it
    assert finding.severity == "error"


def test_a_resting_one_of_several_is_a_warning():
    both = Facts.of(optimizer(), optimizer(name="SGD", steps=300))
    assert [f.severity for f in missing_step(both, CALLS)] == ["warning"]


def test_is_quiet_while_another_has_stepped_a_little():
    assert missing_step(Facts.of(optimizer(), optimizer(name="SGD", steps=30)), CALLS) == []


@pytest.mark.parametrize("made", [optimizer(steps=3), optimizer(backward_seen=False), optimizer(steps=None), {}])
def test_is_quiet_on(made):
    assert missing_step(Facts.of(made), CALLS) == []


def test_is_quiet_in_a_short_run():
    assert missing_step(Facts.of(optimizer()), Facts.of({"calls": 8})) == []
    assert missing_step(Facts.of(optimizer()), Facts.of({})) == []


def test_is_quiet_when_the_weights_change_by_other_means():
    parameters = Facts.of({"name": "fc.weight", "changed": True})
    assert missing_step(Facts.of(optimizer()), CALLS, parameters) == []


def test_is_quiet_when_a_scaler_skipped_the_steps():
    assert missing_step(Facts.of(optimizer()), CALLS, scalers=Facts.of({"skipped": 400})) == []


def test_is_quiet_without_any_optimizer():
    assert missing_step(Facts(), CALLS) == []


def test_points_at_a_call_without_its_parentheses():
    named = {"calls": 400, "file": "train.py", "line": 30, "uncalled_file": "train.py", "uncalled_line": 31}
    (finding,) = missing_step(Facts.of(optimizer()), Facts.of(named))
    assert finding.location == Location("train.py", 31)
