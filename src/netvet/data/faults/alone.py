"""How well a single column predicts the target by itself, on samples that its rule was not made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.data.faults.cheap import folds_of
from netvet.data.index import Split

# Enough for shares to a percent; more only cost time.
MAX_SAMPLES = 5_000
# A tree of so many leaves, each with a hundredth of the samples or 5, finds any simple relation and learns no noise.
LEAVES = 32
FOLDS = 3


@dataclass(frozen=True)
class Sampled:
    """Samples with targets: `chosen` numbers in the split, `targets` (classes or numbers), `folds`."""

    chosen: npt.NDArray[np.int64]
    targets: npt.NDArray[Any]
    folds: npt.NDArray[np.int64]
    classes: bool


def sampled(split: Split, seed: int = 0) -> Sampled:
    """At most 5,000 samples of a split, in their order."""
    aimed: npt.NDArray[Any] = split.labels if split.labels is not None else np.asarray(split.numbers)
    known = np.flatnonzero(aimed >= 0 if split.labels is not None else np.isfinite(aimed))
    if len(known) > MAX_SAMPLES:
        known = np.sort(np.random.default_rng(seed).choice(known, MAX_SAMPLES, replace=False))
    classes = split.labels is not None
    by = aimed[known] if classes else np.zeros(len(known))
    return Sampled(known, aimed[known], folds_of(split.rows.prints[known], by, FOLDS), classes)


def skill(column: npt.NDArray[Any], of: Sampled, targets: npt.NDArray[Any] | None = None) -> float:
    """0 for a guess, 1 where the column decides the target: mean recall of the classes beyond chance, or r2.

    Args:
        column: values [n] of the chosen samples, NaN where missing.
        targets: others in place of the own (permuted ones).
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor  # type: ignore[import-untyped]

    aimed = of.targets if targets is None else targets
    values = np.where(np.isinf(column), np.nan, column).astype(np.float64).reshape(-1, 1)
    if np.isnan(values).all() or len(np.unique(values)) < 2:
        return 0.0
    said = np.zeros(len(aimed), dtype=aimed.dtype)
    settings: dict[str, Any] = {"max_leaf_nodes": LEAVES, "min_samples_leaf": max(5, len(aimed) // 500)}
    for fold in range(FOLDS):
        away = of.folds != fold
        tree = (
            DecisionTreeClassifier(class_weight="balanced", random_state=0, **settings)
            if of.classes
            else DecisionTreeRegressor(random_state=0, **settings)
        )
        said[~away] = tree.fit(values[away], aimed[away]).predict(values[~away])
    return balanced(said, aimed) if of.classes else r2(said, aimed)


def balanced(said: npt.NDArray[Any], aimed: npt.NDArray[Any]) -> float:
    """Mean recall of the classes, 0 for a guess and 1 for all."""
    present = np.unique(aimed)
    recall = float(np.mean([np.mean(said[aimed == c] == c) for c in present]))
    return (recall - 1 / len(present)) / (1 - 1 / len(present)) if len(present) > 1 else 0.0


def r2(said: npt.NDArray[Any], aimed: npt.NDArray[Any]) -> float:
    """Share of the variance that is explained; 0 where it is none."""
    variance = float(np.var(aimed))
    return max(0.0, 1 - float(np.mean((said - aimed) ** 2)) / variance) if variance > 0 else 0.0
