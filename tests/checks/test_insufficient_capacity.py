"""A net that is too small for what it is to learn."""

import pytest

from netvet.checks.insufficient_capacity import insufficient_capacity
from netvet.core import Facts

STUCK = {"experiment": "overfit-batch", "verdict": "failed"}


def wider(plain, more, as_narrow=(1.9,)):
    return {"experiment": "capacity", "evidence": {"plain": plain, "more": more, "as_narrow": as_narrow}}


def test_fires_where_more_units_help_by_far():
    (finding,) = insufficient_capacity(Facts.of(STUCK, wider([2.0, 2.1], [0.4, 0.5])))
    assert "0.45 instead of 2.05" in finding.message
    assert finding.value == pytest.approx(0.45 / 2.05)


def test_a_little_better_is_not_enough():
    assert insufficient_capacity(Facts.of(STUCK, wider([2.0, 2.1], [1.5, 1.6]))) == []


@pytest.mark.parametrize("as_narrow", [[0.5, 0.6], None])
def test_units_that_help_without_being_more_are_no_matter_of_capacity(as_narrow):
    assert insufficient_capacity(Facts.of(STUCK, wider([2.0, 2.1], [0.4, 0.5], as_narrow))) == []


def test_a_net_that_learns_a_batch_is_large_enough():
    fits = STUCK | {"verdict": "passed"}
    assert insufficient_capacity(Facts.of(fits, wider([2.0], [0.1]))) == []


@pytest.mark.parametrize("evidence", [{}, {"plain": [float("inf")], "more": [0.1]}, {"plain": None, "more": None}])
def test_trainings_that_diverged_tell_nothing(evidence):
    assert insufficient_capacity(Facts.of(STUCK, {"experiment": "capacity", "evidence": evidence})) == []
