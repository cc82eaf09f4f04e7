"""Constant answers."""

from netvet.checks.below_baseline import below_baseline
from netvet.core import Facts

SICK = {"split": "val", "score": "accuracy", "samples": 400, "model": 0.1, "majority": 0.12}


def test_fires_on_the_fault():
    (finding,) = below_baseline(Facts.of(SICK))
    assert "0.12" in finding.message


def test_is_quiet_for_a_better_net():
    assert below_baseline(Facts.of({**SICK, "model": 0.2})) == []


def test_is_quiet_on_training_data():
    assert below_baseline(Facts.of({**SICK, "split": "train"})) == []


def test_is_quiet_for_few_samples():
    assert below_baseline(Facts.of({**SICK, "samples": 20})) == []


def test_is_quiet_for_one_class():
    assert below_baseline(Facts.of({**SICK, "majority": 1.0})) == []


def test_is_quiet_without_fields():
    assert below_baseline(Facts.of({})) == []


WITHIN = Facts.of({"score": "accuracy", "true_score": 0.95})


def test_says_so_where_simple_learners_lose_their_score_too():
    lost = {**SICK, "model": 0.13, "linear": 0.12, "nearest": 0.1}
    (finding,) = below_baseline(Facts.of(lost), WITHIN)
    assert "do not mean the same" in finding.message


def test_is_quiet_where_simple_learners_keep_their_score():
    assert below_baseline(Facts.of({**SICK, "model": 0.3, "linear": 0.9, "nearest": 0.9}), WITHIN) == []
