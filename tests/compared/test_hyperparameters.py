from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from netvet.compare.hyperparameters import DRAWN, effects


def runs(**columns: list[object]) -> list[dict[str, object]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def naive_p(x: list[float], y: list[float]) -> float:
    """Exact two-sided permutation test of the rank correlation."""
    rank = lambda v: [sum(b < a for b in v) + (sum(b == a for b in v) + 1) / 2 for a in v]  # noqa: E731
    a, b = rank(x), rank(y)
    seen = abs(float(np.corrcoef(a, b)[0, 1]))
    every = [abs(float(np.corrcoef(a, order)[0, 1])) for order in itertools.permutations(b)]
    return sum(v >= seen - 1e-9 for v in every) / len(every)


def test_finds_the_setting_that_goes_with_a_bad_end():
    answer = effects(runs(lr=[1, 2, 3, 4, 5, 6], seed=[2, 1, 2, 1, 1, 2]), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    (effect,) = answer.effects
    assert (effect.name, effect.kind, effect.worse) == ("lr", "trend", "the larger, the worse (from 1 to 6)")
    assert answer.tested == 2


@pytest.mark.parametrize("seed", range(5))
def test_p_is_that_of_all_orders(seed):
    rng = np.random.default_rng(seed)
    x = rng.permutation(6).astype(float).tolist()
    y = [v + float(rng.integers(3)) for v in sorted(x)]
    expected = naive_p(x, y)
    answer = effects(runs(lr=x), y)
    got = answer.effects[0].p if answer.effects else float(answer.reason.rpartition("least p ")[2].split(" ")[0])
    assert got == pytest.approx(expected, rel=0.06 if not answer.effects else 1e-9)


def test_p_is_corrected_for_the_number_of_settings():
    rng = np.random.default_rng(0)
    ends = list(range(7))
    alone = effects(runs(lr=list(range(7))), ends).effects[0].p
    more = {f"s{i}": rng.permutation(7).tolist() for i in range(5)}
    together = effects(runs(lr=list(range(7)), **more), ends).effects[0].p
    assert together == pytest.approx(6 * alone)


def test_finds_groups_that_are_no_order():
    answer = effects(runs(opt=["sgd"] * 6 + ["adam"] * 6), [9, 8, 9, 9, 8, 7, 1, 2, 1, 2, 1, 3])
    assert answer.effects[0].worse == "sgd ends worst, adam best"
    assert answer.effects[0].p < 0.01


def test_finds_a_best_value_in_the_middle():
    rates = [10.0**i for i in np.linspace(-4, 1, 15)]
    answer = effects(runs(lr=rates), [abs(i - 7) + 0.1 * (i % 2) for i in range(15)])
    assert answer.effects[0].kind == "groups"
    assert "0.00611 to 0.164 ends best, lower and higher values worse" in answer.effects[0].worse


def test_what_is_not_finite_is_the_worst_end():
    answer = effects(runs(lr=[1, 2, 3, 4, 5, 6]), [0.1, 0.2, 0.3, 0.4, math.inf, math.nan])
    assert answer.effects[0].name == "lr"


def test_settings_that_vary_together_are_told_together():
    answer = effects(runs(lr=[1, 2, 3, 4, 5, 6], decay=[10, 20, 30, 40, 50, 60]), [1, 2, 3, 4, 5, 6])
    assert answer.effects[0].also == ("decay",)


@pytest.mark.parametrize(
    ("settings", "ends", "says"),
    [
        (runs(lr=[1, 2, 3, 4]), [1, 2, 3, 4], "too few runs to tell (4; it takes 5)"),
        (runs(lr=[1] * 6), range(6), "no setting differs"),
        (runs(lr=list(range(6))), [1] * 6, "all runs ended alike"),
        (runs(name=list("abcdef")), range(6), "no setting differs"),
        (runs(lr=[1, 2, 3, 4, 5, 6]), [3, 1, 6, 2, 5, 4], "no setting goes clearly with the end (1 tested over 6 runs"),
    ],
)
def test_says_why_nothing_can_be_told(settings, ends, says):
    answer = effects(settings, [float(e) for e in ends])
    assert not answer.effects
    assert says in answer.reason


def test_chance_alone_is_rarely_an_effect():
    rng = np.random.default_rng(1)
    false = 0
    for _ in range(40):
        settings = runs(**{f"s{i}": rng.integers(3, size=10).tolist() for i in range(4)})
        false += bool(effects(settings, rng.normal(size=10).tolist()).effects)
    assert false <= 6  # 5 % of 40 are 2; 6 and more have a chance of 1 in 30


def test_drawn_orders_are_always_the_same():
    settings, ends = runs(lr=list(range(20))), np.random.default_rng(0).normal(size=20).tolist()
    assert effects(settings, ends) == effects(settings, ends)
    assert DRAWN > 1000
