"""Whether the targets can be learned from the samples at all, and whether more samples would help."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.faults import NotAssessable
from netvet.data.faults.alone import balanced, r2
from netvet.data.faults.cheap import Cheap, cheap, encoded, folds_of, prepared
from netvet.data.faults.pairing import shifted
from netvet.data.index import Audited, Split

# Samples for shuffled pairings, of which each is fitted anew, and how many of these.
SHUFFLED_SAMPLES, SHUFFLES, FOLDS = 2_000, 5, 3
# Standard deviations of shuffled pairings that the true one is above them by chance (as the check has it).
CHANCE = 3.0
# Above this skill no shuffled pairing is needed to tell that there is something to learn.
PLAIN = 0.3
# Largest training data of a learning curve, its halvings, and repetitions of each size.
CURVE_SAMPLES, HALVINGS, REPEATS = 8_000, 4, 5
FEWEST = 100


def random_labels(data: Audited) -> list[Record]:
    """Records of the signal `random_labels`: skill (or r2) of cheap models with true and with shuffled pairings."""
    by, train = cheap(data), _train(data)
    true, chosen = _skill(data, train, by), _known(train)
    base = {"samples": len(chosen), "score": "skill" if by.probabilities else "r2", "learner": by.learner, "chance": 0,
            "audit": True, "split": train.name}  # fmt: skip
    if true >= PLAIN:
        return [{**base, "true_score": true, "shuffled_score": 0.0, "shuffled_sd": 0.0}]
    random = np.random.default_rng(0)
    drawn = np.sort(random.choice(chosen, min(len(chosen), SHUFFLED_SAMPLES), replace=False))
    inputs, targets = _arrays(train, drawn)
    folds = folds_of(train.rows.prints[drawn], np.zeros(len(drawn)), FOLDS)
    pairings = [targets] + [random.permutation(targets) for _ in range(SHUFFLES)]
    own, *others = [_best(inputs, one, folds, classes=bool(by.probabilities)) for one in pairings]
    chance, spread = float(np.mean(others)), float(np.std(others, ddof=1))
    found = {**base, "true_score": max(own, true), "shuffled_score": chance, "shuffled_sd": spread}
    shift = None if max(own, true) > chance + CHANCE * spread else _shifted(data, train, chance, spread)
    return [found if shift is None else {**found, "shift": shift[0], "shift_score": shift[1]}]


def _shifted(data: Audited, train: Split, chance: float, spread: float) -> tuple[int, float] | None:
    def score(inputs: npt.NDArray[Any], targets: npt.NDArray[Any], chosen: npt.NDArray[np.int64]) -> float:
        folds = folds_of(train.rows.prints[chosen], np.zeros(len(chosen)), FOLDS)
        return _best(inputs, targets, folds, classes=train.labels is not None)

    if train.name in data.facts.get("changing", ()):
        return None  # other samples each time have no order
    return shifted(train, score, chance, spread, SHUFFLED_SAMPLES)


def learning_curve(data: Audited) -> list[Record]:
    """Records of the signal `learning_curve`: the held-out score of the best cheap model by the number of samples."""
    by, train = cheap(data), _train(data)
    random = np.random.default_rng(0)
    known = _known(train)
    if len(known) < FEWEST:
        raise NotAssessable(f"it takes {FEWEST} training samples")
    drawn = random.permutation(known)[:CURVE_SAMPLES]
    inputs, targets = _arrays(train, drawn)
    held = len(drawn) // 5
    sizes = [(len(drawn) - held) >> k for k in range(HALVINGS)][::-1]
    name = max(by.scores, key=lambda n: by.scores[n])
    scores = np.array(
        [_one_curve(name, inputs, targets, sizes, held, seed, bool(by.probabilities)) for seed in range(REPEATS)]
    )
    gains = scores[:, -1] - scores[:, -2]
    return [
        {"split": train.name, "learner": name, "score": "accuracy" if by.probabilities else "r2", "sizes": sizes,
         "scores": scores.mean(axis=0).tolist(), "spreads": (scores.std(axis=0, ddof=1) / np.sqrt(REPEATS)).tolist(),
         "gain": float(gains.mean()), "gain_error": float(gains.std(ddof=1) / np.sqrt(REPEATS))}
    ]  # fmt: skip


def _one_curve(
    name: str,
    inputs: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    sizes: list[int],
    held: int,
    seed: int,
    classes: bool,
) -> list[float]:
    order = np.random.default_rng(seed).permutation(len(inputs))
    test, left = order[:held], order[held:]
    return [
        _score(_fit(name, inputs[left[:n]], targets[left[:n]], classes=classes), inputs[test], targets[test], classes)
        for n in sizes
    ]


def _score(model: Any, inputs: npt.NDArray[Any], targets: npt.NDArray[Any], classes: bool) -> float:
    said = np.asarray(model.predict(inputs)).reshape(-1)
    return float(np.mean(said == targets)) if classes else r2(said, targets)


def _fit(name: str, inputs: npt.NDArray[Any], targets: npt.NDArray[Any], *, classes: bool) -> Any:
    from sklearn.dummy import DummyClassifier  # type: ignore[import-untyped]

    from netvet.data.faults.cheap import learner

    if classes and len(np.unique(targets)) < 2:
        return DummyClassifier().fit(inputs, targets)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return learner(name, 2 if classes else 0, len(inputs)).fit(inputs, targets)


def _best(inputs: npt.NDArray[Any], targets: npt.NDArray[Any], folds: npt.NDArray[np.int64], *, classes: bool) -> float:
    """Of a linear model and random trees: skill beyond chance, or r2, on the folds that each has not seen."""
    found = []
    for name in ("linear", "trees"):
        said = np.zeros(len(targets), dtype=targets.dtype)
        for fold in range(FOLDS):
            away = folds != fold
            said[~away] = np.asarray(_fit(name, inputs[away], targets[away], classes=classes).predict(inputs[~away]))
        found.append(balanced(said, targets) if classes else r2(said, targets))
    return max(found)


def _train(data: Audited) -> Split:
    if data.train is None:
        raise NotAssessable("there are no training data")
    return data.train


def _known(split: Split) -> npt.NDArray[np.int64]:
    if split.labels is not None:
        return np.flatnonzero(split.labels >= 0)
    return np.flatnonzero(np.isfinite(np.asarray(split.numbers)))


def _arrays(split: Split, chosen: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    features = encoded(split.rows, split.rows)[chosen]
    targets = split.labels if split.labels is not None else np.asarray(split.numbers)
    return prepared(features, features), targets[chosen]


def _skill(data: Audited, split: Split, by: Cheap) -> float:
    chosen = _known(split)
    if split.labels is not None:
        share = np.bincount(split.labels[chosen], minlength=len(data.classes)) / len(chosen)
        even = by.probabilities[split.name][chosen] / np.maximum(share, 1e-12)
        return max(
            balanced(even.argmax(axis=1), split.labels[chosen]),
            balanced(by.probabilities[split.name][chosen].argmax(axis=1), split.labels[chosen]),
        )
    return r2(by.numbers[split.name][chosen], np.asarray(split.numbers)[chosen])
