import math

import pytest

from netvet.experiments.paired import compare


def test_is_the_paired_t_test_of_the_textbooks():
    # Student's own sleep data (Biometrika 6, 1908): hours gained with two drugs, ten patients.
    one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    other = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = compare(other, one)
    assert found.effect == pytest.approx(1.58)
    assert found.p == pytest.approx(0.00283, abs=1e-5)
    assert (found.low, found.high) == (pytest.approx(0.700, abs=1e-3), pytest.approx(2.460, abs=1e-3))
    assert found.size == pytest.approx(1.58 / 1.22995, rel=1e-4)


def test_verdicts():
    better = compare([1.0, 1.1, 0.9], [2.0, 2.0, 2.0])
    assert better.verdict(less_is_better=True, matters=0.1) == "better"
    assert better.verdict(less_is_better=False, matters=0.1) == "worse"
    assert better.verdict(less_is_better=True, matters=2.0) == "no difference"
    noisy = compare([1.0, 5.0, 0.0], [2.0, 2.0, 2.0])
    assert noisy.verdict(less_is_better=True, matters=0.1) == "undecided"


def test_pairs_that_are_not_finite_are_left_out_and_two_are_needed():
    assert compare([1.0, math.inf, 2.0], [1.0, 1.0, 1.0]).pairs == 2
    assert compare([1.0, math.nan], [1.0, 1.0]) is None
    assert compare([], []) is None


def test_the_same_difference_in_every_pair_is_certain():
    assert compare([1.0, 2.0], [0.5, 1.5]).verdict(less_is_better=False, matters=0.1) == "better"
    assert compare([1.0, 2.0], [1.0, 2.0]).verdict(less_is_better=False, matters=0.1) == "no difference"


def test_unequal_numbers_of_twins_are_a_mistake():
    with pytest.raises(ValueError):
        compare([1.0], [1.0, 2.0])
