"""Which samples of evaluations are held out, where the training samples are scored as well."""

from __future__ import annotations

from netvet.capture.jax_inputs import held_out

TRAIN = {one: one for one in range(400)}


def calls(*ranges: range) -> list[frozenset[int]]:
    return [frozenset(one) for one in ranges]


def kept(*ranges: range) -> set[int]:
    every = {one: n for n, one in enumerate(sorted(set().union(*ranges)))}
    return set(held_out(TRAIN, every, calls(*ranges)))


def test_a_score_of_the_training_samples_beside_a_clean_one_is_left_out() -> None:
    assert kept(range(400), range(1000, 1100)) == set(range(1000, 1100))


def test_so_it_is_where_not_all_training_samples_are_known() -> None:
    assert kept(range(100, 500), range(1000, 1100)) == set(range(1000, 1100))


def test_a_leak_stays_beside_a_score_of_the_training_samples() -> None:
    leaking = range(340, 460)
    assert kept(range(400), leaking) == set(leaking)


def test_all_counts_where_nothing_else_is_scored() -> None:
    assert kept(range(400)) == set(range(400))


def test_calls_of_single_samples_are_kept() -> None:
    singles = [range(i, i + 1) for i in range(350, 450)]
    assert kept(*singles) == set(range(350, 450))
