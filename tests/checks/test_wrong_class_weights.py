"""Class weights that favour the wrong classes, and targets that are ignored by accident."""

import math

import pytest

from netvet.checks.wrong_class_weights import wrong_class_weights
from netvet.core import Facts, Location


def loss(**more):
    record = {"site": "train.py:44", "file": "train.py", "line": 44, "phase": "train", "function": "cross_entropy"}
    return Facts.of({**record, "feeds_backward": True, **more})


def test_fires_on_weights_that_grow_with_the_frequency():
    (finding,) = wrong_class_weights(loss(weight=[9.0, 1.0, 0.5], counts=[900, 100, 50]))
    assert "class 0 with 86% of the targets has weight 9" in finding.message
    assert finding.location == Location("train.py", 44)


def test_fires_on_inverse_frequencies_in_another_order():
    (finding,) = wrong_class_weights(loss(weight=[1 / 200, 1 / 800, 1 / 100, 1 / 400], counts=[100, 200, 400, 800]))
    assert "not in the order of the classes" in finding.message


def test_fires_on_weights_that_cannot_be():
    assert "all 0" in wrong_class_weights(loss(weight=[0.0, 0.0]))[0].message
    assert wrong_class_weights(loss(weight=[1.0, -1.0]))[0].severity == "error"


def test_fires_on_an_inverted_pos_weight():
    made = loss(function="binary_cross_entropy_with_logits", pos_weight=[0.11], counts=[900, 100])
    assert "100 positives over 900 negatives" in wrong_class_weights(made)[0].message


def test_fires_when_every_target_is_ignored():
    (finding,) = wrong_class_weights(loss(ignore_index=-100, ignored_share=1.0))
    assert finding.severity == "error"


def test_fires_when_a_class_is_ignored():
    made = loss(ignore_index=0, ignored_share=0.1, classes=10, input={"shape": [64, 10]})
    inputs = Facts.of({"phase": "train", "batch": 64, "integral": False})
    (finding,) = wrong_class_weights(made, inputs)
    assert finding.message == "ignore_index 0 is one of the 10 classes: 10% of the samples are left out of the loss"


def test_is_quiet_on_ignored_padding():
    made = loss(ignore_index=0, ignored_share=0.4, classes=500, input={"shape": [640, 500]})
    assert wrong_class_weights(made, Facts.of({"phase": "train", "batch": 32, "integral": True})) == []
    images = loss(ignore_index=0, ignored_share=0.4, classes=5, input={"shape": [8, 5, 32, 32]})
    assert wrong_class_weights(images, Facts.of({"phase": "train", "batch": 8, "integral": False})) == []


@pytest.mark.parametrize(
    "made",
    [
        loss(weight=[1.0, 9.0], counts=[900, 100]),
        loss(weight=[1.0, 1.0, 0.1], counts=[50, 60, 2000]),
        loss(weight=[0.0, 1.0, 1.2], counts=[5000, 100, 90]),
        loss(weight=[3.0, 1.0], counts=[500, 480]),
        loss(weight=[1.2, 1.0], counts=[900, 100]),
        loss(weight=[9.0, 1.0], counts=[9, 1]),
        loss(weight=[9.0, 1.0], counts=None),
        loss(weight=[9.0, 1.0], counts=[900, 50, 50]),
        loss(weight=None, counts=[900, 100]),
        loss(weight=[1 / math.sqrt(900), 1 / math.sqrt(100)], counts=[900, 100]),
        loss(pos_weight=[9.0], counts=[900, 100]),
        loss(pos_weight=[1.0], counts=[500, 500]),
        loss(pos_weight=[9.0, 1.0], counts=[900, 100]),
        loss(weight=[9.0, 1.0], counts=[900, 100], feeds_backward=False),
    ],
)
def test_is_quiet_on_sensible_weights(made):
    assert wrong_class_weights(made) == []


def test_is_quiet_without_fields():
    assert wrong_class_weights(Facts.of({}, {"weight": ["a"], "counts": [None]}), Facts.of({})) == []
