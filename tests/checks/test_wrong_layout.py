"""Images of two splits in two layouts."""

import pytest

from netvet.checks.wrong_layout import wrong_layout
from netvet.core import Facts

SICK = {"train": "train", "split": "test", "change": "upside down", "distance": 0.9, "changed": 0.05, "chance": 0.06}


def test_fires_on_the_fault():
    (finding,) = wrong_layout(Facts.of(SICK))
    assert "look upside down against train" in finding.message


@pytest.mark.parametrize("change", [{"distance": 0.1}, {"changed": 0.5}, {"chance": 0.4}, {"changed": 0.2}])
def test_is_quiet_unless_sure(change):
    assert wrong_layout(Facts.of({**SICK, **change})) == []


def test_is_quiet_without_fields():
    assert wrong_layout(Facts.of({})) == []
