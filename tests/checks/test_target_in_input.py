"""Copies of the target."""

from netvet.checks.target_in_input import target_in_input
from netvet.core import Facts

SICK = {"model": "Net", "shifted_identity": True}


def test_fires_on_the_fault():
    (finding,) = target_in_input(Facts.of(SICK))
    assert "same position" in finding.message


def test_is_quiet_for_autoencoders():
    assert target_in_input(Facts.of({**SICK, "autoencoder": True})) == []


def test_is_quiet_for_shifted_targets():
    assert target_in_input(Facts.of({**SICK, "shifted_identity": False})) == []


def test_is_quiet_for_exact_linear_maps():
    assert target_in_input(Facts.of({**SICK, "shifted_identity": None, "r2": 1.0})) == []


def test_is_quiet_without_fields():
    assert target_in_input(Facts.of({})) == []
