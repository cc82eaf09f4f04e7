"""A loss that was made for another task than the targets show."""

import pytest

from netvet.checks.mismatched_loss import mismatched_loss
from netvet.core import Facts, Location

HITS = Facts.of({"op": "round", "value": 0.2})


def tensor(shape, low, high, distinct, mean=0.5, integral=True):
    return {"shape": shape, "min": low, "max": high, "distinct": distinct, "mean": mean, "integral": integral}


def loss(function, target=None, entered=None, **more):
    record = {"site": "train.py:44", "file": "train.py", "line": 44, "phase": "train", "function": function}
    return Facts.of({**record, "target": target, "input": {"shape": entered or []}, **more})


def test_fires_on_cross_entropy_with_one_output():
    (finding,) = mismatched_loss(loss("cross_entropy", tensor([64], 0, 1, 2), [64, 1], classes=1))
    assert "single output" in finding.message
    assert "whatever the net says" in finding.message
    assert finding.location == Location("train.py", 44)
    assert finding.severity == "error"


@pytest.mark.parametrize("case", [(0, 9, 10), (1, 3, 3), (-1.5, 1.5, 60)])
def test_fires_on_binary_cross_entropy_outside_zero_to_one(case):
    target = tensor([64], *case, integral=case[0] != -1.5)
    (finding,) = mismatched_loss(loss("binary_cross_entropy_with_logits", target))
    assert f"targets from {case[0]} to {case[1]}" in finding.message


@pytest.mark.parametrize("case", [(-1, 1, 2), (1, 2, 2), (-1, 1, 3)])
def test_two_labels_that_are_coded_otherwise_are_not_another_task(case):
    assert not mismatched_loss(loss("binary_cross_entropy_with_logits", tensor([64], *case)))


def test_fires_on_a_distance_to_class_numbers_that_are_scored_by_hits():
    (finding,) = mismatched_loss(loss("mse_loss", tensor([64, 1], 0, 9, 10), [64, 1]), HITS)
    assert finding.message == "mse_loss takes class numbers from 0 to 9 for amounts, while the script counts exact hits"
    assert finding.severity == "warning"


def test_fires_on_softmax_against_one_hot_targets_under_a_distance():
    one_hot = tensor([64, 10], 0, 1, 2, mean=0.1)
    (finding,) = mismatched_loss(loss("mse_loss", one_hot, [64, 10], input_op="softmax"))
    assert "one-hot targets of 10 classes" in finding.message


def test_fires_on_hinge_targets_of_zero_and_one():
    (finding,) = mismatched_loss(loss("soft_margin_loss", tensor([64], 0, 1, 2)))
    assert "defined for -1 and 1" in finding.message


def test_fires_on_several_labels_in_a_softmax():
    (finding,) = mismatched_loss(loss("cross_entropy", tensor([64, 10], 0, 1, 2, mean=0.25), [64, 10], classes=10))
    assert "2.5 positive labels per sample" in finding.message


HEALTHY = {
    "classification": loss("cross_entropy", tensor([64], 0, 9, 10), [64, 10], classes=10),
    "label smoothing or mixup": loss("cross_entropy", tensor([8, 10], 0, 1, 30, 0.1, False), [8, 10], classes=10),
    "one-hot cross entropy": loss("cross_entropy", tensor([64, 10], 0, 1, 2, mean=0.1), [64, 10], classes=10),
    "binary": loss("binary_cross_entropy_with_logits", tensor([64, 1], 0, 1, 2), [64, 1]),
    "one binary loss per class": loss("binary_cross_entropy_with_logits", tensor([64, 9], 0, 1, 2, 1 / 9), [64, 9]),
    "smoothed binary": loss("binary_cross_entropy", tensor([64, 1], 0.1, 0.9, 2, integral=False), [64, 1]),
    "least-squares GAN": loss("mse_loss", tensor([64, 1], 0, 1, 2), [64, 1]),
    "square loss on logits": loss("mse_loss", tensor([64, 10], 0, 1, 2, 0.1), [64, 10], input_op="linear"),
    "regression": loss("mse_loss", tensor([64], -2.1, 3.3, 64, 0, False), [64]),
    "ratings": loss("mse_loss", tensor([64], 1, 5, 5, 3), [64]),
    "counts": loss("smooth_l1_loss", tensor([64], 0, 7, 8, 3), [64]),
    "hinge": loss("soft_margin_loss", tensor([64], -1, 1, 2, 0), [64]),
    "binary autoencoder": loss("mse_loss", tensor([64, 784], 0, 1, 2, 0.13), [64, 784]),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_is_quiet_on(name):
    assert mismatched_loss(HEALTHY[name]) == []


def test_is_quiet_on_a_regression_by_batch_of_images_with_hits_elsewhere():
    assert mismatched_loss(loss("mse_loss", tensor([64, 8, 8], 0, 16, 17), [64, 8, 8]), HITS) == []


def test_is_quiet_in_evaluation_and_on_losses_that_are_only_logged():
    assert mismatched_loss(loss("cross_entropy", None, classes=1, feeds_backward=False)) == []
    assert mismatched_loss(Facts.of({"phase": "eval", "function": "cross_entropy", "classes": 1})) == []


def test_is_quiet_without_fields():
    assert mismatched_loss(Facts.of({}, {"function": "mse_loss"}, {"function": "mse_loss", "target": {}})) == []
