"""The paired test that may be looked at after each pair."""

import math

import numpy as np
import pytest

from netvet.fixes.sequential import ALPHA, evidence, is_futile


def test_three_clear_pairs_are_proof():
    found = evidence([0.85, 0.87, 0.86])
    assert found.p < ALPHA
    assert found.low > 0
    assert found.low < found.effect < found.high


def test_two_pairs_never_are():
    found = evidence([0.9, 0.9])
    assert math.isinf(found.high)
    assert found.p > ALPHA


def test_interval_leaves_zero_out_when_p_is_small():
    draw = np.random.default_rng(0)
    for _ in range(300):
        gaps = draw.normal(draw.uniform(-2, 2), 1.0, draw.integers(3, 9))
        found = evidence(gaps)
        assert (found.low > 0 or found.high < 0) == (found.p < ALPHA)


def test_looking_after_each_pair_finds_a_difference_that_is_none_in_less_than_one_of_twenty():
    draw = np.random.default_rng(1)
    gaps = draw.normal(0.0, 1.0, (2_000, 10))
    fooled = sum(any(evidence(row[:n]).p < ALPHA for n in range(2, 11)) for row in gaps)
    assert fooled / len(gaps) < ALPHA


def tried(row, least, most=10):
    """Whether a change is said to help, and after how many pairs."""
    for n in range(3, most + 1):
        found = evidence(row[:n])
        if found.p < ALPHA and found.effect > least:
            return True, n
        if is_futile(row[:n], least, most):
            return False, n
    return False, most


def test_what_makes_no_difference_is_given_up_early_and_what_does_is_found():
    draw = np.random.default_rng(2)
    none = [tried(list(row), 0.2) for row in draw.normal(0.0, 1.0, (300, 10))]
    large = [tried(list(row), 0.2) for row in draw.normal(3.0, 1.0, (300, 10))]
    assert sum(n for _, n in none) / len(none) < 4.0
    assert sum(proven for proven, _ in none) / len(none) < ALPHA
    assert sum(proven for proven, _ in large) / len(large) > 0.97


def test_no_pairs_are_an_error():
    with pytest.raises(ValueError, match="no pair"):
        evidence([])


def test_differences_that_scatter_as_much_as_they_are_large_are_proven_by_their_signs():
    gaps = [0.02, 0.05, 0.6, 0.03, 0.5, 0.04, 0.7, 0.02, 0.4, 0.05]
    found = evidence(gaps)
    assert found.p < ALPHA
    assert found.low > 0
    assert evidence(gaps[:5]).p > ALPHA


def test_equal_differences_are_exact():
    found = evidence([0.5, 0.5, 0.5])
    assert found.p < ALPHA
    assert found.low == pytest.approx(0.5, abs=1e-6)
    assert evidence([0.0, 0.0, 0.0]).p == 1.0
