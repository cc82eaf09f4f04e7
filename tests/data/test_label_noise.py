"""Calibrated models beside labels drawn at random: how likely each label is wrong."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import expit, softmax

from netvet.data.faults import label_noise
from netvet.data.faults.label_noise import _loss, noise

CLASSES = 4


def made(count=4000, wrong=0.05, sharp=3.0, seed=0):
    """True probabilities [n, classes], labels given, and which of these are wrong."""
    random = np.random.default_rng(seed)
    truth = softmax(sharp * random.normal(size=(count, CLASSES)), axis=1)
    labels = (truth.cumsum(axis=1) > random.random((count, 1))).argmax(axis=1)
    bad = random.random(count) < wrong
    return truth, np.where(bad, (labels + random.integers(1, CLASSES, count)) % CLASSES, labels), bad


def test_gradient_is_that_of_the_loss():
    truth, given, _ = made(50)
    logs = np.log(np.stack([truth, np.roll(truth, 1, axis=1)]))
    usual = np.log([0.5, 0.5])
    at = np.array([-0.4, -1.2, -2.0])
    error = check_grad(lambda x: _loss(x, logs, given, usual)[0], lambda x: _loss(x, logs, given, usual)[1], at)
    assert error < 1e-3


def test_probability_of_a_wrong_label_is_that_of_bayes():
    truth, given, _ = made(500)
    found = noise([truth], given)
    shares = np.bincount(given, minlength=CLASSES) / len(given)
    mixed = (truth + label_noise.MIXED * shares) / (1 + label_noise.MIXED)
    said = mixed ** found.powers[0] / (mixed ** found.powers[0]).sum(axis=1, keepdims=True)
    for i, label in enumerate(given):
        own = said[i, label]
        drawn = found.share * (1 - own) / (CLASSES - 1)
        assert found.wrong[i] == pytest.approx(drawn / (drawn + (1 - found.share) * own), rel=1e-5)
    assert found.truth == pytest.approx(said, abs=1e-5)


@pytest.mark.parametrize("wrong", [0.0, 0.01, 0.1])
def test_share_of_wrong_labels_is_found_in_spite_of_overlap(wrong):
    truth, given, bad = made(wrong=wrong)
    found = noise([truth], given)
    assert found.share == pytest.approx(bad.mean(), abs=0.012)
    assert found.wrong.sum() == pytest.approx(bad.sum(), abs=50)


@pytest.mark.parametrize("power", [0.3, 2.5])
def test_models_that_are_too_sure_or_unsure_are_calibrated(power):
    truth, given, bad = made()
    shifted = truth**power / (truth**power).sum(axis=1, keepdims=True)
    found = noise([shifted], given)
    assert found.share == pytest.approx(bad.mean(), abs=0.012)
    assert found.powers[0] == pytest.approx(1 / power, rel=0.25)


def test_a_model_that_knows_nothing_has_no_say():
    truth, given, _ = made()
    nothing = softmax(np.random.default_rng(1).normal(size=truth.shape), axis=1)
    alone, beside = noise([truth], given), noise([truth, nothing], given)
    assert beside.powers[1] < 0.1 * beside.powers[0]
    assert np.corrcoef(alone.wrong, beside.wrong)[0, 1] > 0.99


def test_many_samples_are_judged_as_few(monkeypatch):
    truth, given, _ = made(1000)
    whole = noise([truth], given)
    monkeypatch.setattr(label_noise, "PART", 300)
    assert noise([truth], given).wrong == pytest.approx(whole.wrong)
    monkeypatch.setattr(label_noise, "MAX_SAMPLES", 500)
    assert noise([truth], given).share == pytest.approx(whole.share, abs=0.03)


def test_two_classes_with_wide_overlap_have_no_likely_errors():
    random = np.random.default_rng(0)
    right = expit(2 * random.normal(size=2000))
    given = (random.random(2000) < right).astype(int)
    assert (noise([np.stack([1 - right, right], axis=1)], given).wrong >= 0.8).sum() == 0
