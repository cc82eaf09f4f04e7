"""Output and target that broadcast against each other, sample against sample."""

import pytest

from netvet.checks.broadcast_loss import broadcast_loss
from netvet.core import Facts, Location


def loss(left, right, **more):
    record = {"site": "train.py:44", "file": "train.py", "line": 44, "function": "mse_loss", "phase": "train"}
    return Facts.of({**record, "broadcast": True, "input": {"shape": left}, "target": {"shape": right}, **more})


@pytest.mark.parametrize(
    ("left", "right"), [([64, 1], [64]), ([64], [64, 1]), ([8, 1, 5, 5], [8, 5, 5]), ([64, 1, 1], [64, 1])]
)
def test_fires_when_samples_meet_all_targets(left, right):
    (finding,) = broadcast_loss(loss(left, right))
    assert f"output {left} with target {right}" in finding.message
    assert finding.location == Location("train.py", 44)
    assert finding.confidence == 1.0


def test_says_how_many_pairs():
    assert "64 x 64 pairs" in broadcast_loss(loss([64, 1], [64]))[0].message


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([64, 1], [64, 1]),
        ([64], [64]),
        ([64], []),
        ([64, 3, 8, 8], [3, 8, 8]),
        ([64, 10], [10]),
        ([64, 51], [64, 1]),
        ([64, 51, 1], [64, 1, 51]),
        ([64, 1], [1, 64]),
        ([64, 1], [20]),
        ([1, 1], [1]),
    ],
)
def test_is_quiet_on_legal_shapes(left, right):
    assert broadcast_loss(loss(left, right)) == []


def test_is_quiet_in_evaluation():
    assert broadcast_loss(loss([64, 1], [64], phase="eval")) == []


def test_fires_on_a_loss_that_is_written_by_hand():
    made = Facts.of({"op": "sub", "left": [32, 1], "right": [32], "result": [32, 32], "file": "train.py", "line": 9})
    (finding,) = broadcast_loss(Facts(), made)
    assert finding.message.startswith("sub compares output [32, 1] with target [32] in all 32 x 32 pairs")
    assert finding.location == Location("train.py", 9)


def test_names_the_same_line_once():
    made = Facts.of({"op": "sub", "left": [64, 1], "right": [64], "file": "train.py", "line": 44})
    assert len(broadcast_loss(loss([64, 1], [64]), made)) == 1


def test_is_quiet_without_fields():
    assert broadcast_loss(Facts.of({}, {"phase": "train", "broadcast": True}), Facts.of({})) == []


def test_needs_no_loss_function_of_pytorch():
    made = Facts.of({"op": "sub", "left": [48], "right": [48, 1], "file": "train.py", "line": 11})
    (finding,) = broadcast_loss(broadcasts=made)
    assert finding.location == Location("train.py", 11)
    assert not broadcast_loss()


def test_fires_on_a_function_that_is_known_by_its_value():
    own = {"op": "my_mse", "left": [32, 1], "right": [32, 1], "pairs": 1024, "file": "train.py", "line": 7}
    (finding,) = broadcast_loss(None, Facts.of(own))
    assert "32 x 32 pairs" in finding.message
    assert finding.location == Location("train.py", 7)
    assert not broadcast_loss(None, Facts.of({**own, "pairs": None}))
