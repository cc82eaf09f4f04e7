"""Lost pairing."""

from netvet.checks.random_labels import random_labels
from netvet.core import Facts

SICK = {"samples": 800, "true_score": 0.11, "shuffled_score": 0.1, "shuffled_sd": 0.01, "model_val_score": 0.1}


def test_fires_on_the_fault():
    (finding,) = random_labels(Facts.of(SICK))
    assert "800 samples" in finding.message


def test_is_quiet_when_simple_learners_learn():
    assert random_labels(Facts.of({**SICK, "true_score": 0.5})) == []


def test_is_quiet_when_the_net_learns():
    assert random_labels(Facts.of({**SICK, "model_val_score": 0.6})) == []


def test_is_quiet_for_few_samples():
    assert random_labels(Facts.of({**SICK, "samples": 50})) == []


def test_is_quiet_without_a_score():
    assert random_labels(Facts.of({**SICK, "model_val_score": None})) == []


def test_is_quiet_without_fields():
    assert random_labels(Facts.of({})) == []


def test_is_quiet_for_a_net_that_is_far_off():
    record = {
        **SICK,
        "score": "r2",
        "true_score": -0.01,
        "shuffled_score": -0.02,
        "model_val_score": -54.0,
        "chance": 0.0,
    }
    assert random_labels(Facts.of(record)) == []
    assert random_labels(Facts.of({**record, "model_val_score": -0.05}))
