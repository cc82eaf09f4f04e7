"""A momentum with which the net swings past every valley."""

import pytest

from netvet.checks.wrong_momentum import wrong_momentum
from netvet.core import Facts

FAILED = {"experiment": "momentum-trial", "verdict": "failed", "message": "with the usual 0.9 0.95"}


def test_names_what_the_trial_has_rescued():
    (finding,) = wrong_momentum(Facts.of(FAILED))
    assert finding.message == "with the usual 0.9 0.95"


@pytest.mark.parametrize("verdict", ["passed", "advice", "undetermined", "not assessed"])
def test_only_a_failure_is_one(verdict):
    assert wrong_momentum(Facts.of(FAILED | {"verdict": verdict})) == []


def test_other_experiments_do_not_speak_for_it():
    assert wrong_momentum(Facts.of(FAILED | {"experiment": "lr-range"})) == []
