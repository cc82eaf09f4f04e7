"""Lost pairing."""

import pytest

from netvet.checks import load
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


@pytest.mark.parametrize(
    ("more", "severity", "advice"),
    [({}, "note", "pair-samples"), ({"shift": 1, "shift_score": 0.8}, "warning", "shift-targets")],
)
def test_of_data_a_shift_is_named_with_its_own_advice(more, severity, advice):
    check = load("random-labels")
    seen = {"samples": 500, "true_score": 0.01, "shuffled_score": 0.0, "shuffled_sd": 0.01, "audit": True}
    (finding,) = check(Facts.of({**seen, "score": "skill", "split": "train", **more}))
    assert finding.severity == severity
    assert ("with each target at the next sample they reach 0.8" in finding.message) == bool(more)
    assert [fix.name for fix in check.advised(finding)] == [advice]
