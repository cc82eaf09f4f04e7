"""So much weight decay that the net does not fit even its training samples."""

import pytest

from netvet.checks.oversized_regularisation import oversized_regularisation
from netvet.core import Facts

FAILED = {"experiment": "weight-decay-trial", "verdict": "failed", "message": "weight decay of 1 ruins the training"}


def test_names_what_the_trial_has_rescued():
    (finding,) = oversized_regularisation(Facts.of(FAILED))
    assert finding.message == "weight decay of 1 ruins the training"


@pytest.mark.parametrize("verdict", ["passed", "advice", "undetermined", "not assessed"])
def test_only_a_failure_is_one(verdict):
    assert oversized_regularisation(Facts.of(FAILED | {"verdict": verdict})) == []


def test_other_experiments_do_not_speak_for_it():
    assert oversized_regularisation(Facts.of(FAILED | {"experiment": "lr-range"})) == []
