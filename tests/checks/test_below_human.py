"""Nets and people."""

import pytest

from netvet.checks.below_human import below_human
from netvet.core import Facts, LayerSeries

PERSON = {"annotator": "ann", "accuracy": 0.98, "low": 0.95, "high": 0.99, "samples": 200}
SITE = "train.py:9"


def found(accuracy, *people, samples=450, site=SITE):
    passes = Facts.of({"loss_site": SITE, "samples": samples})
    return below_human(Facts.of(*people), LayerSeries.of(**{site: [0.99, accuracy]}), passes)


def test_fires_on_a_net_that_is_worse_than_people():
    (finding,) = found(0.8, PERSON)
    assert "0.8 (to 0.83)" in finding.message
    assert "ann one of 0.98 (from 0.95)" in finding.message


def test_is_quiet_where_intervals_meet():
    assert found(0.935, PERSON) == []


def test_is_quiet_below_the_gap_whatever_the_numbers_of_samples():
    assert found(0.965, {"accuracy": 0.98, "low": 0.98}, samples=1e6) == []


def test_compares_with_the_person_who_is_surely_best():
    (finding,) = found(0.8, {**PERSON, "annotator": "bob", "accuracy": 1.0, "low": 0.57, "samples": 5}, PERSON)
    assert "ann" in finding.message


@pytest.mark.parametrize("more", [{"samples": 20}, {"site": "train.py:9 (train.py:3, training data)"}])
def test_is_quiet_where_the_two_cannot_be_compared(more):
    assert found(0.8, PERSON, **more) == []


def test_is_quiet_for_a_net_as_good_as_people():
    assert found(0.99, PERSON) == []


def test_is_quiet_without_numbers():
    assert below_human(Facts.of(PERSON), LayerSeries.of(a=[float("nan")]), Facts.of()) == []
    assert found(0.8) == []
    assert found(0.8, {}) == []
    assert below_human(Facts.of(PERSON), LayerSeries({})) == []


def test_takes_a_number_without_interval_as_it_is():
    (finding,) = found(0.8, {"accuracy": 0.98, "low": 0.98, "high": 0.98})
    assert finding.message.endswith("people one of 0.98")
