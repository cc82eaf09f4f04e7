"""Scores of arrays, against counting by hand."""

import numpy as np
import pytest

from netvet.fixes.array_scores import array_scores

RNG = np.random.default_rng(0)


def test_classes_by_their_numbers_and_by_one_hot_rows_score_alike():
    output, labels = RNG.normal(size=(50, 3)), RNG.integers(0, 3, 50)
    right = sum(int(row.argmax() == label) for row, label in zip(output, labels, strict=True)) / 50
    rates = [np.mean([output[i].argmax() == c for i in range(50) if labels[i] == c]) for c in range(3)]
    found = array_scores(output, labels, sparse=True)
    assert found == pytest.approx({"accuracy": right, "balanced accuracy": float(np.mean(rates))})
    assert array_scores(output, np.eye(3)[labels]) == pytest.approx(found)


@pytest.mark.parametrize(("logits", "limit"), [(True, 0.0), (False, 0.5)])
def test_yes_and_no_are_told_apart_at_zero_or_at_a_half(logits, limit):
    output, wanted = RNG.normal(size=(40, 1)), RNG.integers(0, 2, 40)
    right = sum(int((o > limit) == bool(w)) for o, w in zip(output[:, 0], wanted, strict=True)) / 40
    assert array_scores(output, wanted, logits=logits)["accuracy"] == pytest.approx(right)


def test_probabilities_that_a_loss_takes_for_logits_are_cut_at_a_half():
    assert array_scores(np.array([[0.2], [0.8]]), np.array([0, 1]), logits=True)["accuracy"] == 1.0


def test_amounts_are_scored_by_the_variance_that_is_explained():
    target = RNG.normal(size=30) * 100 + 1e4
    output = (target + RNG.normal(size=30))[:, None]
    explained = 1 - sum((t - o) ** 2 for t, o in zip(target, output[:, 0], strict=True)) / sum(
        (t - target.mean()) ** 2 for t in target
    )
    assert array_scores(output, target) == {"r2": pytest.approx(explained)}


def test_targets_that_never_vary_and_shapes_that_do_not_fit_have_no_score():
    assert array_scores(np.zeros((5, 1)), np.full(5, 3.0)) == {}
    assert array_scores(np.zeros((5, 2)), np.full(5, 3.0)) == {}
