"""An optimizer with which the net does not learn at any learning rate."""

import pytest

from netvet.checks.unsuitable_optimizer import unsuitable_optimizer
from netvet.core import Facts

FAILED = {"experiment": "optimizer-trial", "verdict": "failed", "message": "with Adam at 0.001 0.9"}


def test_names_what_the_trial_has_rescued():
    (finding,) = unsuitable_optimizer(Facts.of(FAILED))
    assert finding.message == "with Adam at 0.001 0.9"


@pytest.mark.parametrize("verdict", ["passed", "advice", "undetermined", "not assessed"])
def test_only_a_failure_is_one(verdict):
    assert unsuitable_optimizer(Facts.of(FAILED | {"verdict": verdict})) == []


def test_other_experiments_do_not_speak_for_it():
    assert unsuitable_optimizer(Facts.of(FAILED | {"experiment": "lr-range"})) == []
