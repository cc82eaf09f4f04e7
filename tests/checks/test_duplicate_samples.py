"""Copies."""

from netvet.checks.duplicate_samples import duplicate_samples
from netvet.core import Facts

SICK = {"train_seen": 1000, "duplicates": 300, "granular": 64}


def test_fires_on_the_fault():
    (finding,) = duplicate_samples(Facts.of(SICK))
    assert "300 of 1000" in finding.message


def test_is_quiet_below_the_limit():
    assert duplicate_samples(Facts.of({**SICK, "duplicates": 5})) == []


def test_is_quiet_for_short_inputs():
    assert duplicate_samples(Facts.of({**SICK, "granular": 2})) == []


def test_is_quiet_for_replacement():
    assert duplicate_samples(Facts.of({**SICK, "duplicates": None})) == []


def test_is_quiet_for_tokens():
    assert duplicate_samples(Facts.of(SICK), Facts.of({"dtype": "int64"})) == []


def test_is_quiet_without_fields():
    assert duplicate_samples(Facts.of({})) == []
