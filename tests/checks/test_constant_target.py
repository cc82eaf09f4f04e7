"""One target."""

from netvet.checks.constant_target import constant_target
from netvet.core import Facts

SICK = {"site": "t.py:9", "phase": "train", "kind": "classes", "outputs": 10, "min": 3.0, "max": 3.0, "samples": 640}


def test_fires_on_the_fault():
    (finding,) = constant_target(Facts.of(SICK))
    assert "all 640" in finding.message


def test_is_quiet_when_targets_vary():
    assert constant_target(Facts.of({**SICK, "min": 0.0})) == []


def test_is_quiet_for_one_small_batch():
    assert constant_target(Facts.of({**SICK, "samples": 8})) == []


def test_is_quiet_for_a_discriminator():
    assert constant_target(Facts.of({**SICK, "kind": "binary", "min": 1.0, "max": 1.0})) == []


def test_is_quiet_for_residuals():
    assert constant_target(Facts.of({**SICK, "kind": "regression", "min": 0.0, "max": 0.0})) == []


def test_is_quiet_without_fields():
    assert constant_target(Facts.of({})) == []


def test_fires_for_binary_targets_of_one_kind_under_a_single_optimizer():
    binary = Facts.of({**SICK, "kind": "binary", "min": 0.0, "max": 0.0, "samples": 5000})
    assert constant_target(binary, None, Facts.of({"name": "Adam"}))
    assert constant_target(binary, None, Facts.of({"name": "Adam"}, {"name": "Adam#2"})) == []
