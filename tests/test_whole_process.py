"""The arithmetic of the benchmark of whole processes."""

import pytest

from benchmarks.whole_process import Run, order, result


def run_of(median, *, process=10.0, loss=0.5):
    return Run(median, median * 100, process, loss)


def test_plain_and_watched_runs_alternate_so_that_drift_falls_on_both():
    assert order(2) == [False, True, True, False]
    assert order(3) == [False, True, True, False, False, True]


def test_ratios_compare_netvet_with_plain_and_noise_plain_with_plain():
    found = result("mlp", [run_of(0.010), run_of(0.012)], [run_of(0.022, process=12.2), run_of(0.022, process=12.2)])
    assert found.plain_step == pytest.approx(0.011)
    assert found.median_ratio == pytest.approx(2.0)
    assert found.steps_ratio == pytest.approx(2.0)
    assert found.noise == pytest.approx(0.2)
    assert found.once == pytest.approx((12.2 - 2.2) - (10.0 - 1.1))


def test_one_pair_is_enough_but_shows_no_noise():
    assert result("mlp", [run_of(0.01)], [run_of(0.01)]).noise == 0


def test_a_changed_loss_is_seen():
    assert result("mlp", [run_of(0.01)], [run_of(0.01)]).same_loss
    assert not result("mlp", [run_of(0.01)], [run_of(0.01, loss=0.6)]).same_loss
