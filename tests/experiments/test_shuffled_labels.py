"""True pairs of inputs and targets against shuffled ones."""

from __future__ import annotations

import torch
from torch import nn

from netvet.experiments.lab import Lab
from netvet.experiments.shuffled_labels import shuffled_labels
from tests.experiments.skeleton_problems import autoencoder, digits, lab_of, net


def test_true_labels_are_learned_better():
    found = shuffled_labels.run(lab_of())

    assert found.verdict == "passed", found.message


def test_labels_of_other_images_fail():
    found = shuffled_labels.run(lab_of(**digits(shuffled=True)))

    assert found.verdict == "failed", found.message
    assert found.suspects[0] == "random-labels"


def test_a_split_with_other_class_numbers_is_not_taken_for_random_labels():
    given = digits()
    x, y = given["val"]
    given["val"] = (x, (9 - y) % 10)

    found = shuffled_labels.run(lab_of(**given))

    assert found.verdict == "failed", found.message
    assert found.suspects[0] == "split-drift"


def test_a_net_that_learns_nothing_yet_is_undetermined():
    def slow(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), lr=1e-7)

    found = shuffled_labels.run(lab_of(optimizer=slow))

    assert found.verdict == "undetermined", found.message


def test_a_trained_model_that_is_better_than_chance_fails_nothing():
    lab = lab_of(**digits(shuffled=True))
    lab.problem.details["trained"] = [
        {"split": "val", "score": "accuracy", "model": 0.9, "majority": 0.1, "samples": 597}
    ]

    assert shuffled_labels.run(lab).verdict == "undetermined"


def test_numbers_are_compared_too():
    x = torch.randn(600, 8, generator=torch.Generator().manual_seed(0))
    found = shuffled_labels.run(lab_of(lambda: net(8, 1), nn.functional.mse_loss, train=(x, x[:, :1] * 2)))

    assert found.verdict == "passed", found.message


def test_what_has_no_targets_is_not_assessed():
    assert shuffled_labels.run(Lab(autoencoder())).verdict == "not assessed"


def test_targets_that_are_all_alike_are_not_assessed():
    x = torch.rand(200, 64)

    assert shuffled_labels.run(lab_of(train=(x, torch.ones(200, dtype=torch.long)))).verdict == "not assessed"
