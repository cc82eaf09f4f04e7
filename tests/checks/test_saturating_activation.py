"""Sigmoid or tanh between the layers of a net that therefore does not learn."""

import pytest

from netvet.checks.saturating_activation import saturating_activation
from netvet.core import Facts

FAILED = {"experiment": "activation-trial", "verdict": "failed", "message": "with ReLU in their place 0.9"}


def test_names_what_the_trial_has_rescued():
    (finding,) = saturating_activation(Facts.of(FAILED))
    assert finding.message == "with ReLU in their place 0.9"


@pytest.mark.parametrize("verdict", ["passed", "advice", "undetermined", "not assessed"])
def test_only_a_failure_is_one(verdict):
    assert saturating_activation(Facts.of(FAILED | {"verdict": verdict})) == []


def test_other_experiments_do_not_speak_for_it():
    assert saturating_activation(Facts.of(FAILED | {"experiment": "lr-range"})) == []
