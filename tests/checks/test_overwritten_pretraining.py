"""Pretrained weights that were loaded and then lost."""

from netvet.checks.overwritten_pretraining import overwritten_pretraining
from netvet.core import Facts

SICK = {"name": "body", "loaded": True, "overwritten": True, "elements": 900, "model": "Net"}


def found(**changes):
    return overwritten_pretraining(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "100% of what was loaded" in finding.message


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(overwritten=False)
    assert not found(elements=None)
    assert not overwritten_pretraining(Facts.of({}))
