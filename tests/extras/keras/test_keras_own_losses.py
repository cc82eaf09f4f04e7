"""Losses of the user's own: whether they compare every output with every target, by their value on a few samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from netvet.capture.keras_own_losses import all_pairs

Array = npt.NDArray[np.float64]
Loss = Callable[[Array, Array], float]


def samples(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


CROSSED: dict[str, Loss] = {
    "mean of squares": lambda y, p: float(np.mean((y.reshape(-1) - p) ** 2)),
    "sum of distances": lambda y, p: float(np.sum(np.abs(y.reshape(-1) - p))),
    "sum over one axis": lambda y, p: float(np.mean(np.sum(np.abs(y.reshape(-1) - p), -1))),
    "mean of squares and a penalty": lambda y, p: 3.0 + float(np.mean((y.reshape(-1) - p) ** 2)),
}
RIGHT: dict[str, Loss] = {
    "mean of squares": lambda y, p: float(np.mean((y - p) ** 2)),
    "sum of squares": lambda y, p: float(np.sum((y - p) ** 2)),
    "distance of the means": lambda y, p: float((y.mean() - p.mean()) ** 2),
    "kernels between all": lambda y, p: float(sum(np.exp(-((a - a.T) ** 2)).mean() for a in (y, p, y - p))),
    "no target": lambda y, p: float(np.mean(p**2)),
    "a constant": lambda y, p: 1.0,
    "difference of the means": lambda y, p: float(p.mean() - y.mean()),
    "order of pairs": lambda y, p: float(np.mean(np.log1p(np.exp(-(y - y.T) * (p - p.T))))),
    "not a number": lambda y, p: float("nan"),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", CROSSED)
def test_a_mean_over_all_pairs_is_known(name: str, seed: int) -> None:
    assert all_pairs(CROSSED[name], samples(seed, 16, 1), samples(seed + 100, 16, 1))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", RIGHT)
def test_other_losses_are_not_taken_for_one(name: str, seed: int) -> None:
    assert not all_pairs(RIGHT[name], samples(seed, 16, 1), samples(seed + 100, 16, 1))


def test_targets_that_are_all_the_same_tell_nothing() -> None:
    assert not all_pairs(CROSSED["mean of squares"], np.ones((16, 1)), samples(1, 16, 1))
