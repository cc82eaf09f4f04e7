"""How good people are: statistics of their answers."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from netvet.data.annotation import Answer, Asked, Store
from netvet.data.human import agreements, baselines, kappa, lines, records, wilson

CLASSES = ("cat", "dog", "owl")
TRUTH = ["cat", "dog", "owl", "cat", "dog", "owl"]
PLAN = [Asked(i, "val", i, f"{i}.png", label) for i, label in enumerate(TRUTH)]
PLAN += [Asked(6, "val", 0, "0.png", "cat", 0), Asked(7, "val", 1, "1.png", "dog", 1)]


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "a.db", "pets", CLASSES, PLAN)


def say(store, annotator, labels, seconds=2.0):
    for position, label in enumerate(labels):
        store.answer(Answer(annotator, position, label, seconds + position))


@pytest.mark.parametrize(("right", "samples"), [(0, 10), (10, 10), (96, 100), (1, 3), (499, 1000)])
def test_interval_is_that_of_scipy(right, samples):
    expected = binomtest(right, samples).proportion_ci(method="wilson")
    assert wilson(right, samples) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_nothing_is_known_without_samples():
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_that_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    first = random.integers(0, 3, 40)
    second = np.where(random.random(40) < 0.6, first, random.integers(0, 3, 40))
    a, b = [CLASSES[i] for i in first], [CLASSES[i] for i in second]
    assert kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))


def test_kappa_is_not_defined_where_chance_alone_agrees():
    assert kappa(["cat", "cat"], ["cat", "cat"]) is None
    assert kappa([], []) is None


def test_baseline_counts_first_answers_alone(store):
    say(store, "ann", ["cat", "dog", "owl", "dog", None, "owl", "dog", "dog"])
    (ann,) = baselines(store)
    assert (ann.samples, ann.right, ann.skipped, ann.accuracy) == (5, 4, 1, 0.8)
    assert ann.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 2]]
    assert (ann.repeated, ann.same) == (2, 1)
    assert ann.kappa == pytest.approx(cohen_kappa_score(["cat", "dog"], ["dog", "dog"]))
    assert ann.seconds == np.median([2, 3, 4, 5, 7, 8, 9])


def test_two_people_are_compared_on_what_both_answered(store):
    say(store, "ann", ["cat", "dog", "owl", "dog", None, "owl"])
    say(store, "bob", ["cat", "cat", "owl", "dog"])
    (pair,) = agreements(store)
    assert (pair.first, pair.second, pair.samples, pair.same) == ("ann", "bob", 4, 3)
    assert pair.kappa == pytest.approx(cohen_kappa_score(["cat", "dog", "owl", "dog"], ["cat", "cat", "owl", "dog"]))


def test_records_are_of_everybody_with_an_answer(store):
    say(store, "ann", TRUTH)
    say(store, "bob", [None])
    (record,) = records(store)
    assert (record["annotator"], record["accuracy"], record["samples"]) == ("ann", 1.0, 6)
    assert record["low"] == pytest.approx(wilson(6, 6)[0])


def test_lines_name_what_was_confused_most(store):
    assert lines(store) == []
    say(store, "ann", ["dog", "dog", "owl", "dog", "dog", "cat", "dog"])
    told = "\n".join(lines(store))
    assert "ann: 3 of 6 as the data say: 50.0%" in told
    assert told.index("cat in the data, answered dog: 2 times") < told.index("owl in the data, answered cat: 1 times")
    assert "the same answer the second time: 1 of 1" in told
