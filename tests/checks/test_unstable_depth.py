"""So many plain layers in a row that the net does not learn."""

import pytest

from netvet.checks.unstable_depth import unstable_depth
from netvet.core import Facts

FAILED = {"experiment": "depth-trial", "verdict": "failed", "message": "with shortcuts around them 0.9"}


def test_names_what_the_trial_has_rescued():
    (finding,) = unstable_depth(Facts.of(FAILED))
    assert finding.message == "with shortcuts around them 0.9"


@pytest.mark.parametrize("verdict", ["passed", "advice", "undetermined", "not assessed"])
def test_only_a_failure_is_one(verdict):
    assert unstable_depth(Facts.of(FAILED | {"verdict": verdict})) == []


def test_other_experiments_do_not_speak_for_it():
    assert unstable_depth(Facts.of(FAILED | {"experiment": "lr-range"})) == []
