"""Gradients that pile up from step to step."""

import pytest

from netvet.checks.missing_zero_grad import missing_zero_grad
from netvet.core import Facts, Location


def resets(not_reset, intervals, **more):
    record = {"optimizer": "SGD", "not_reset": not_reset, "intervals": intervals, "first_step": 1}
    return Facts.of({**record, "file": "train.py", "line": 50, **more})


def test_fires_when_nothing_is_ever_cleared():
    (finding,) = missing_zero_grad(resets(99, 99))
    assert "not cleared in 99 of 99 intervals" in finding.message
    assert finding.location == Location("train.py", 50)
    assert (finding.step, finding.value, finding.confidence) == (1, 1.0, 1.0)


def test_fires_when_clearing_is_rare():
    assert missing_zero_grad(resets(75, 100))


@pytest.mark.parametrize(
    ("not_reset", "intervals"), [(0, 99), (2, 2), (3, 100), (40, 100), (5, 0), (None, 9), (5, None)]
)
def test_is_quiet_below_the_limit(not_reset, intervals):
    assert missing_zero_grad(resets(not_reset, intervals)) == []


def test_judges_each_optimizer_by_itself():
    both = Facts.of(*resets(0, 50), *resets(50, 50, optimizer="Adam"))
    assert [f.where for f in missing_zero_grad(both)] == ["Adam"]


def test_is_quiet_without_fields():
    assert missing_zero_grad(Facts.of({})) == []


def test_points_at_a_call_without_its_parentheses():
    (finding,) = missing_zero_grad(resets(9, 9, uncalled_file="train.py", uncalled_line=48))
    assert finding.location == Location("train.py", 48)


def test_a_second_phase_counts_by_itself():
    (finding,) = missing_zero_grad(resets(30, 900, intervals_since=32, first_step=5004))
    assert "in 30 of 32 intervals between its steps since step 5004" in finding.message
    assert finding.location == Location("train.py", 50)


@pytest.mark.parametrize(("not_reset", "since"), [(2, 2), (30, 400), (3, 0)])
def test_is_quiet_about_odd_steps_of_a_second_phase(not_reset, since):
    assert missing_zero_grad(resets(not_reset, 900, intervals_since=since)) == []
