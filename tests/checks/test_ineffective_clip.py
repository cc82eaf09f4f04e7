"""Gradient clipping that does not limit the gradient."""

import pytest

from netvet.checks.ineffective_clip import ineffective_clip
from netvet.core import Facts, Location


def clip(**more):
    record = {"kind": "norm", "max_norm": 1.0, "calls": 200, "empty_calls": 0, "covers": 1.0, "position": "ok"}
    return {**record, "norm_after": 1.0, "file": "train.py", "line": 33, **more}


def test_fires_when_there_is_never_a_gradient():
    (finding,) = ineffective_clip(Facts.of(clip(empty_calls=200)))
    assert finding.message == "clipping to 1 found no gradient in 200 of 200 calls, so it never limits anything"
    assert finding.location == Location("train.py", 33)


@pytest.mark.parametrize("position", ["before-backward", "after-step"])
def test_fires_at_the_wrong_place(position):
    (finding,) = ineffective_clip(Facts.of(clip(position=position)))
    assert "unclipped" in finding.message


def test_fires_when_gradients_are_added_afterwards():
    (finding,) = ineffective_clip(Facts.of(clip(norm_after=7.5)))
    assert finding.message == (
        "clipping to 1 comes before the last gradients are added: the optimizer still gets a norm of 7.5"
    )
    assert (finding.value, finding.limit) == (7.5, 1.0)


def test_clipping_a_part_is_a_note():
    (finding,) = ineffective_clip(Facts.of(clip(norm_after=7.5, covers=0.3)))
    assert finding.severity == "note"
    assert "covers 30%" in finding.message


@pytest.mark.parametrize(
    "one",
    [
        clip(),
        clip(norm_after=1.4),
        clip(norm_after=0.2),
        clip(max_norm=float("inf"), norm_after=9.0, position="after-step"),
        clip(max_norm=None, empty_calls=200),
        clip(calls=1, empty_calls=1),
        clip(kind="value", norm_after=9.0),
        clip(covers=None, norm_after=9.0),
        clip(norm_after=None),
        clip(empty_calls=20),
    ],
)
def test_is_quiet_on(one):
    assert ineffective_clip(Facts.of(one)) == []


def test_is_quiet_when_each_part_is_clipped_by_itself():
    assert ineffective_clip(Facts.of(clip(norm_after=2.5, covers=0.5), clip(norm_after=2.5, covers=0.5))) == []


def test_is_quiet_without_fields():
    assert ineffective_clip(Facts.of({})) == []
