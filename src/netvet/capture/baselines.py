"""What simple learners make of samples, against chance: predictors that need no network."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.capture.learners import Matrix, Ridge, best_ridge, nearest, r2, ranks, scaled

# Learners take the cube of the samples: 1,024 need about a tenth of a second each.
MAX_LEARNED, MIN_LEARNED = 1_024, 40
SHUFFLES = 20
FOLDS = 5


@dataclass(slots=True)
class Problem:
    """Distinct samples of one split. `classes`: labels; `targets`: one-hot or numbers, [samples, outputs]."""

    features: Matrix
    targets: Matrix
    classes: npt.NDArray[np.int64] | None
    prints: npt.NDArray[np.int64]

    def part(self, rows: npt.NDArray[Any]) -> Problem:
        """Some of the samples."""
        classes = None if self.classes is None else self.classes[rows]
        return Problem(self.features[rows], self.targets[rows], classes, self.prints[rows])

    def score(self, predicted: Matrix) -> float:
        """Accuracy of the arg-max, or r2."""
        if self.classes is None:
            return r2(predicted, self.targets)
        return float((predicted.argmax(1) == self.classes).mean())


def number(value: float) -> float | None:
    """The value, where it is finite."""
    return float(value) if math.isfinite(value) else None


def halves(problem: Problem) -> tuple[Problem, Problem]:
    """Two random halves."""
    order = np.random.default_rng(1).permutation(len(problem.features))
    return problem.part(order[: len(order) // 2]), problem.part(order[len(order) // 2 :])


def among_themselves(problem: Problem) -> float | None:
    """Best score of a simple learner on each fifth of the samples, fitted to the others."""
    fifths = np.random.default_rng(1).permutation(len(problem.features)) % FOLDS
    found = [baselines(problem.part(fifths != k), problem.part(fifths == k)) for k in range(FOLDS)]
    means = [
        np.mean([r[name] for r in found]) for name in ("linear", "nearest") if None not in [r[name] for r in found]
    ]
    return float(max(means)) if means else None


def random_labels(train: Problem) -> dict[str, Any]:
    """Held-out scores of two learners with the true pairing of inputs and targets, and with shuffled pairings.

    Numbers are learned by their ranks: with a heavy tail a few samples would decide over both scores.
    """
    if train.classes is None:
        train = replace(train, targets=ranks(train.targets))
    fitted, asked = halves(train)
    a, b = scaled(fitted.features, asked.features)
    near, ridge = nearest(a, b), Ridge(a, best_ridge(a, fitted.targets))
    generator = np.random.default_rng(2)
    best: dict[str, Any] = {}
    for learner in ("nearest", "linear"):
        scores = []
        for number in range(SHUFFLES + 1):
            order = generator.permutation(len(a)) if number else np.arange(len(a))
            targets = fitted.targets[order]
            scores.append(asked.score(targets[near] if learner == "nearest" else ridge.predict(targets, b)))
        true, shuffled = scores[0], np.array(scores[1:])
        sd = max(float(shuffled.std(ddof=1)), 1.0 / len(b) if train.classes is not None else 1e-6)
        z = (true - float(shuffled.mean())) / sd
        if not best or z > best["z"]:
            best = {"learner": learner, "true_score": true, "shuffled_score": float(shuffled.mean()), "shuffled_sd": sd}
            best["z"] = z
    z = best.pop("z")
    best["p"] = min(1.0, 2 * 0.5 * math.erfc(z / math.sqrt(2)))  # two learners were tried
    counts = train.targets.sum(0) if train.classes is not None else None
    best |= {"samples": len(train.features), "score": "r2" if counts is None else "accuracy"}
    best["chance"] = 0.0 if counts is None else float(counts.max() / counts.sum())
    return best


def baselines(fitted: Problem, asked: Problem) -> dict[str, Any]:
    """Scores of predictors that need no network."""
    a, b = scaled(fitted.features, asked.features)
    mean = np.repeat(fitted.targets.mean(0, keepdims=True), len(b), axis=0)
    constant = asked.score(mean)
    return {
        "score": "r2" if asked.classes is None else "accuracy", "samples": len(b),
        "majority": None if asked.classes is None else constant, "mean": constant if asked.classes is None else None,
        "linear": number(asked.score(Ridge(a, best_ridge(a, fitted.targets)).predict(fitted.targets, b))),
        "nearest": number(asked.score(fitted.targets[nearest(a, b)])),
    }  # fmt: skip


def baselines_of(train: Problem, held: Problem | str) -> dict[str, Any]:
    """The record `baselines`, but for the model's score.

    It is of held-out samples that were not trained on, where these are enough, else of a random half.

    Args:
        held: the held-out samples, or why there are none.
    """
    split = "train"
    fitted, asked = halves(train)
    if not isinstance(held, str):
        held = held.part(~np.isin(held.prints, train.prints))
        if len(held.features) >= MIN_LEARNED // 2 and held.targets.shape[1] == train.targets.shape[1]:
            split, fitted, asked = "val", train, held
    record = baselines(fitted, asked) | {"split": split}
    if split == "val" and len(asked.features) >= 2 * MIN_LEARNED:
        record["held_best"] = among_themselves(asked)
    return record
