"""Images of two splits in two layouts."""

import pytest

from netvet.checks import load
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


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"axes": "last", "rough": None, "smooth": 0.2}, "enter convolutions as 32 x 32 x 3, channels last"),
        ({"axes": "reshaped", "rough": 0.7, "smooth": 0.2}, "differ by 0.7 of what any two do, and by 0.2 when it is"),
    ],
)
def test_mixed_axes_are_told_with_their_own_advice(record, told):
    check = load("wrong-layout")
    (finding,) = check(Facts.of({"split": "train", "shape": [32, 32, 3], **record}))
    assert told in finding.message
    assert [fix.name for fix in check.advised(finding)] == ["permute"]
