"""The network beside what needs no network."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from netvet.core import NetvetError
from netvet.experiments.baselines import baselines
from netvet.experiments.lab import Lab
from netvet.experiments.simple import simple_scores, standard_error
from tests.experiments.skeleton_problems import autoencoder, digits, lab_of, net


def trained(lab: Lab, score: float) -> Lab:
    """As if a run had ended with this score on the held-out samples."""
    lab.problem.details["trained"] = [
        {"split": "val", "score": "accuracy", "model": score, "majority": 0.1, "samples": 597}
    ]
    return lab


def test_digits_are_beyond_the_commonest_class_and_shown_beside_simple_learners():
    found = baselines.run(lab_of())

    assert found.verdict == "passed", found.message
    assert set(found.evidence["scores"]) == {"majority", "logistic", "nearest-neighbour", "small-tree"}
    assert found.evidence["scores"]["nearest-neighbour"] > 0.9


@pytest.mark.parametrize(("score", "verdict"), [(0.95, "passed"), (0.4, "failed"), (0.05, "failed")])
def test_a_trained_model_is_judged_by_its_own_score(score, verdict):
    def slow(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), lr=1e-7)

    found = baselines.run(trained(lab_of(optimizer=slow), score))

    assert found.verdict == verdict, found.message


def test_a_trial_that_was_too_short_is_undetermined():
    def slow(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), lr=1e-7)

    assert baselines.run(lab_of(optimizer=slow)).verdict == "undetermined"


def test_random_labels_are_nothing_to_be_learned():
    found = simple_scores(lab_of(**digits(shuffled=True)).problem)

    assert not found.finds_something


def test_numbers_have_a_mean_and_a_linear_model():
    x = torch.randn(600, 8, generator=torch.Generator().manual_seed(0))
    found = baselines.run(lab_of(lambda: net(8, 1), nn.functional.mse_loss, train=(x, x[:, :1] * 2)))

    assert found.verdict == "passed", found.message
    assert found.evidence["scores"]["mean"] == pytest.approx(0.0, abs=0.1)
    assert found.evidence["scores"]["linear"] == pytest.approx(1.0, abs=0.01)


def test_tokens_have_a_unigram_and_the_last_token_again():
    """Each token follows itself nine times of ten."""
    generator = torch.Generator().manual_seed(0)
    words = [torch.randint(0, 5, (300,), generator=generator)]
    for _ in range(8):
        change = torch.rand(300, generator=generator) < 0.1
        words.append(torch.where(change, torch.randint(0, 5, (300,), generator=generator), words[-1]))
    text = torch.stack(words, 1)

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(output.flatten(0, 1), target.flatten())

    lab = lab_of(lambda: nn.Sequential(nn.Embedding(5, 16), nn.Linear(16, 5)), loss, train=(text[:, :-1], text[:, 1:]))
    found = baselines.run(lab)

    assert found.verdict == "passed", found.message
    assert found.evidence["scores"]["repeat-last"] == pytest.approx(0.92, abs=0.03)
    assert found.evidence["scores"]["unigram"] == pytest.approx(0.25, abs=0.1)


def test_what_has_no_targets_is_not_assessed():
    assert baselines.run(Lab(autoencoder())).verdict == "not assessed"


def test_the_error_of_an_accuracy_is_that_of_a_share():
    assert standard_error("accuracy", 0.5, 10_000) == pytest.approx(0.005, rel=0.01)
    assert standard_error("accuracy", 1.0, 100) > 0.005


def test_without_scikit_learn_the_way_to_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)

    with pytest.raises(NetvetError, match=r"pip install 'netvet\[recipe\]'"):
        simple_scores(lab_of().problem)
