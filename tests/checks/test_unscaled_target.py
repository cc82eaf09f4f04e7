"""Scale of targets."""

from netvet.checks.unscaled_target import unscaled_target
from netvet.core import Facts

SICK = {
    "site": "t.py:9",
    "phase": "train",
    "kind": "regression",
    "mean": 152.0,
    "std": 77.0,
    "output_mean": 0.0,
    "output_std": 0.1,
}


def test_fires_on_the_fault():
    (finding,) = unscaled_target(Facts.of(SICK), Facts.of({"complete": True}))
    assert "std 77" in finding.message


def test_is_quiet_for_unit_scale():
    assert unscaled_target(Facts.of({**SICK, "mean": 0.0, "std": 1.0}), Facts.of({"complete": True})) == []


def test_is_quiet_for_constant_targets():
    assert unscaled_target(Facts.of({**SICK, "std": 0.0}), Facts.of({"complete": True})) == []


def test_is_quiet_without_fields():
    assert unscaled_target(Facts.of({})) == []


def test_is_quiet_for_returns_of_a_policy():
    assert unscaled_target(Facts.of(SICK), Facts.of({"complete": False})) == []


def test_is_quiet_where_the_outputs_are_off_and_not_the_target():
    biased = {**SICK, "mean": 0.0, "std": 1.0, "output_mean": 151.0}
    assert unscaled_target(Facts.of(biased), Facts.of({"complete": True})) == []
