"""When a quantity became another one, and whether it grows steadily."""

import numpy as np
import pytest

from netvet.changes import became_constant, between, growth, onset
from netvet.core import Series

LOOKS = [0, 5, 10, 50, 100, 200, 340, 540, 900, 1470, 2300, 2870, 4490, 6000, 7500]


def sizes(function):
    return Series.of([function(step) for step in LOOKS], LOOKS)


def test_exponential_growth_has_one_rate_from_few_looks():
    seen = growth(sizes(lambda step: 2.0 * np.exp(4e-4 * step)))
    assert seen is not None
    assert (seen.first, seen.rate, seen.later) == pytest.approx((2.0, 4e-4, 1.0))
    assert seen.half == pytest.approx(np.exp(4e-4 * 3750))
    assert seen.error < 1e-9


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
def test_growth_as_a_power_of_the_step_slows_down(power):
    steps = np.unique(np.geomspace(1, 8000, 200).astype(int))
    seen = growth(Series.of(list(1e-3 * steps**power), list(steps)))
    assert seen is not None
    assert seen.later == pytest.approx(0.5, abs=0.02)


def test_growth_of_a_run_that_was_seldom_looked_at_is_not_told():
    assert growth(Series.of([1.0, 2.0, 3.0], [0, 1, 1000])) is None
    assert growth(Series.of([0.0, 0.0])) is None


def test_between_leaves_out_what_is_not_finite():
    one = between(Series.of([1.0, float("nan"), 3.0, 4.0]), 1, 2)
    assert (one.steps.tolist(), one.values.tolist()) == ([2], [3.0])


def noise(count):
    return 1.0 + 0.2 * np.random.default_rng(0).standard_normal(count)


def test_onset_is_found_between_two_looks():
    losses = Series.of([*noise(4000), *(noise(1000) * np.exp(-np.arange(1000) / 50))])
    found = onset([losses], 3000, 4800)
    assert found is not None
    assert 4000 <= found < 4100


def test_onset_is_not_made_up():
    assert onset([Series.of(noise(5000))], 3000, 4800) is None
    assert onset([Series.of(noise(5)), Series.of(noise(5))], 1, 4) is None


def test_neighbouring_looks_leave_no_doubt():
    assert onset([], 41, 42) == 42


TARGET = {
    "site": "t.py:9", "constant_value": 3.0, "constant_since": 1400, "varied_until": 1200, "constant_batches": 6,
    "constant_samples": 96, "batches_before": 200, "constant_before": 0, "counts_before": [10, 10, 10, 10],
}  # fmt: skip
TOP = {"t.py:9": Series.of([0.3] * 300, range(0, 1500, 5))}


def test_targets_that_suddenly_are_one_number():
    found = became_constant(TARGET, None, TOP, chance=1e-6)
    assert found is not None
    assert (found.value, found.varied, found.since, found.samples) == (3.0, 1200, 1400, 96)
    assert found.spread == pytest.approx(0.7)
    assert found.shares == [0.25] * 4


@pytest.mark.parametrize(
    "change",
    [
        {"constant_batches": 2},  # too few to tell
        {"constant_before": 150},  # such batches come all the time
        {"constant_value": None},
        {"varied_until": None},
    ],
)
def test_targets_that_are_constant_by_chance(change):
    assert became_constant({**TARGET, **change}, None, TOP, chance=1e-6) is None


def test_targets_that_become_constant_little_by_little():
    slowly = {"t.py:9": Series.of(list(np.linspace(0.3, 1.0, 241)), range(0, 1205, 5))}
    assert became_constant(TARGET, None, slowly, chance=1e-6) is None
    assert became_constant(TARGET, None, None, chance=1e-6) is None
