"""When the collectors sleep, on a clock that the test turns."""

import math
from itertools import pairwise

import pytest

from netvet.capture import pace
from netvet.capture.pace import Pace


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is turned: `clock(seconds)`."""
    now = [100.0]
    monkeypatch.setattr(pace, "perf_counter", lambda: now[0])

    def turn(seconds):
        now[0] += seconds

    return turn


def live(one, clock, *, steps, step_seconds, window, own, hidden=0.0, asleep_from=None):
    """A run after its first sleep; gives the steps at which windows begin.

    Args:
        own: seconds that the collectors say a window step costs; `hidden`: what it costs beyond.
    """
    step, cost, windows = asleep_from or pace.DENSE_STEPS, 0.0, []
    left = one.sleep(step, cost, whole=True)
    while step < steps:
        clock(left * step_seconds)
        step += left
        one.wake(step, cost)
        windows.append(step)
        clock(window * (step_seconds + own + hidden))
        step, cost = step + window, cost + window * own
        left = one.sleep(step, cost, whole=True)
    return windows


def test_the_first_steps_are_all_heard(clock):
    one = Pace(0.01)
    clock(1000)
    assert not one.tired(pace.DENSE_STEPS - 1, 1e9)
    assert one.tired(pace.DENSE_STEPS, 1e9)


def test_nobody_sleeps_until_the_grace_is_spent_or_the_budget_allows_more(clock):
    one = Pace(0.01)
    assert not one.tired(500, pace.GRACE_SECONDS * 0.9)
    assert one.tired(500, pace.GRACE_SECONDS * 1.1)
    clock(1000)  # 1 % of this is more than the grace
    assert not one.tired(500, 9.0)


@pytest.mark.parametrize("budget", [0.01, 0.03])
@pytest.mark.parametrize("hidden", [0.0, 0.001])
def test_windows_take_the_share_of_time_that_they_may(clock, budget, hidden):
    """The cost is what steps take longer, also where no clock of the collectors runs."""
    windows = live(
        Pace(budget), clock, steps=100_000, step_seconds=0.001, window=2, own=0.0005, hidden=hidden, asleep_from=50_000
    )
    spent = len(windows) * 2 * (0.0005 + hidden)
    assert spent / (50_000 * 0.001) == pytest.approx(pace.WINDOW_SHARE * budget, rel=0.15)


def test_a_window_comes_at_least_every_so_often(clock):
    windows = live(Pace(1e-6), clock, steps=20_000, step_seconds=0.001, window=2, own=0.1, asleep_from=10_000)
    gaps = {b - a for a, b in pairwise(windows)}
    assert max(gaps) == pace.MAX_INTERVAL + 2


def test_early_in_a_run_windows_are_close(clock):
    windows = live(Pace(0.0), clock, steps=2_000, step_seconds=0.001, window=2, own=0.1)
    assert all(b < pace.GROWTH * a + 3 for a, b in pairwise(windows))


def test_every_nth_step_whatever_it_costs(clock):
    windows = live(Pace(0.0, every=50), clock, steps=1_000, step_seconds=0.001, window=2, own=1.0)
    assert {step % 50 for step in windows} == {0}


def test_nobody_sleeps_between_looks_that_are_close():
    assert not Pace(0.01, every=1).tired(500, 1e9)


def test_an_evaluation_in_a_window_is_not_taken_for_cost(clock):
    one = Pace(0.01)
    one.sleep(1000, 0.0, whole=True)
    clock(0.02)
    one.wake(1020, 0.0)
    clock(60.0)  # the user's own evaluation
    assert one.sleep(1021, 0.001, whole=False) < 300


def test_ranks_choose_the_same_steps_however_long_their_steps_take(clock):
    runs = [
        live(Pace(0.01, symmetric=True), clock, steps=5_000, step_seconds=s, window=2, own=o)
        for s, o in ((0.001, 0.01), (0.02, 0.0001))
    ]
    assert runs[0] == runs[1]
    assert not Pace(0.01, symmetric=True).tired(50, 1e9)


def test_evaluations_are_seen_within_their_share_and_ever_so_often_whatever_they_cost(clock):
    one, cost = Pace(0.01), 0.0
    step = 1000
    one.sleep(step, cost, whole=True)
    seen = []
    while step < 100_000:
        clock(0.1)
        step += 100
        if one.may_rouse(step):
            one.wake(step, cost)
            seen.append(step)
            cost += 0.3
            one.sleep(step, cost, whole=False)
    free = pace.ROUSE_SECONDS / 0.3
    assert len(seen) >= math.log(100_000 / 1000, pace.GROWTH) * 0.8
    assert len(seen) * 0.3 < 0.3 * (free + math.log(100, pace.GROWTH)) + pace.ROUSE_SHARE * 0.01 * 100 + 1
