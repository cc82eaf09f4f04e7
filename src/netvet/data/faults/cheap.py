"""Out-of-sample predictions of cheap models, which several looks share: fitted once for each audit."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.data.faults import NotAssessable
from netvet.data.index import Audited, Rows, Split, alike

Floats = npt.NDArray[np.float32]

FOLDS = 5
# Of a vote of random trees: more change the score by less than its error.
TREES = 60
# Samples that are cross-validated, and numbers in them: about half a minute on one core at the most.
MAX_SAMPLES, MAX_NUMBERS = 20_000, 2_500_000
# Samples beside them that nearest neighbours are looked up for: a search through all of the others for each.
MAX_LOOKED_UP = 20_000
# Samples that are predicted at once.
PART = 50_000
# Words of a column that have a column of their own.
MAX_WORDS = 20
# Fewer say nothing of a share of errors.
MIN_SAMPLES = 40
# Learners whose own score is so near to the best one vote with it.
NEAR = 0.03
# In standard deviations: values further out are pulled in, so that one outlier does not decide a linear model.
REACH = 10.0


@dataclass(frozen=True)
class Cheap:
    """What cheap models say of samples that they were not fitted on.

    Attributes:
        learner: names of those that vote.
        score: of the vote in cross-validation, accuracy or r2; `chance`: of always giving the most common class, or 0.
        probabilities: by split, float32 [n, classes]; `numbers`: by split, float64 [n], for regression.
        scores: cross-validated, of each learner.
        each: by learner and split, what each of those that vote everywhere says, as in `probabilities`.
    """

    learner: str
    score: float
    chance: float
    probabilities: dict[str, Floats]
    numbers: dict[str, npt.NDArray[np.float64]]
    scores: dict[str, float]
    each: dict[str, dict[str, Floats]] = field(default_factory=dict)


_kept: list[tuple[weakref.ref[Audited], Cheap]] = []


def cheap(data: Audited) -> Cheap:
    """The predictions for all splits with targets; the models are fitted on the training data alone.

    Raises:
        NotAssessable: no targets, too few samples, or features that say nothing.
    """
    if _kept and _kept[0][0]() is data:
        return _kept[0][1]
    train = data.train
    if train is None or (train.labels is None and train.numbers is None):
        raise NotAssessable("the training data have no targets")
    _kept[:] = [(weakref.ref(data), _fitted(data, train))]
    return _kept[0][1]


def prepared(features: Floats, like: Floats) -> Floats:
    """Features in units of their spread over other samples, with their mean for missing values; constant ones left out.

    Args:
        features: [n, d] to prepare; `like`: [m, d] that the spread is taken of.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns without a finite value
        known = np.where(np.isfinite(like), like, np.nan).astype(np.float64)
        mean, spread = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
    used = np.isfinite(mean) & (spread > 1e-9 * np.maximum(np.abs(mean), 1e-30))
    scaled = (features[:, used] - mean[used]) / spread[used]
    scaled = np.where(np.isfinite(scaled), scaled, 0.0)
    found: Floats = np.clip(scaled, -REACH, REACH).astype(np.float32)
    return found


def encoded(rows: Rows, like: Rows) -> Floats:
    """Features with a column of 0 and 1 for each of the most common words of a column of words, in place of its code.

    Args:
        rows: samples [n, d]; `like`: those whose most common words count.
    """
    words = [rows.names.index(name) for name in like.categorical if name in rows.names]
    if not words:
        return rows.features
    parts = [np.delete(rows.features, words, axis=1)]
    for column in words:
        codes, counts = np.unique(like.features[:MAX_SAMPLES, column], return_counts=True)
        common = codes[np.argsort(-counts, kind="stable")][:MAX_WORDS]
        parts.append((rows.features[:, [column]] == common).astype(np.float32))
    return np.concatenate(parts, axis=1)


def folds_of(prints: npt.NDArray[np.uint64], labels: npt.NDArray[Any], count: int = FOLDS) -> npt.NDArray[np.int64]:
    """A fold for each sample, with equal shares of each label; copies of a sample are in one fold."""
    _, first, inverse = np.unique(prints, return_index=True, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(first))
    order = order[np.argsort(labels[first][order], kind="stable")]
    folds = np.empty(len(first), dtype=np.int64)
    folds[order] = np.arange(len(first)) % count
    return folds[inverse]


def _fitted(data: Audited, train: Split) -> Cheap:
    aimed: npt.NDArray[Any] = train.labels if train.labels is not None else np.asarray(train.numbers)
    known = np.flatnonzero(np.isfinite(aimed) & (aimed >= 0) if train.labels is not None else np.isfinite(aimed))
    features = encoded(train.rows, train.rows)
    width = max(features.shape[1], 1)
    most = min(MAX_SAMPLES, MAX_NUMBERS // width)
    chosen = known if len(known) <= most else np.sort(np.random.default_rng(0).choice(known, most, replace=False))
    targets = aimed[chosen]
    if len(chosen) < MIN_SAMPLES or len(np.unique(targets)) < 2:
        raise NotAssessable(f"it takes {MIN_SAMPLES} training samples with different targets")
    like = features[chosen]
    inputs = prepared(like, like)
    if not inputs.shape[1]:
        raise NotAssessable("no feature of the samples varies")
    folds = folds_of(train.rows.prints[chosen], targets if train.labels is not None else np.zeros(len(chosen)))
    fits = _Fits(inputs, targets, folds, len(data.classes) if train.labels is not None else 0)
    return _voted(data, train, chosen, like, fits)


def _voted(data: Audited, train: Split, chosen: npt.NDArray[np.int64], like: Floats, fits: _Fits) -> Cheap:
    """The vote of the learners that are near the best, for every sample of every split."""
    outputs = {name: fits.cross_validated(name) for name in fits.names}
    scores = {name: fits.score(found) for name, found in outputs.items()}
    best = [name for name, score in scores.items() if score >= max(scores.values()) - NEAR]
    vote = np.mean([outputs[name] for name in best], axis=0)
    kept = np.float32 if fits.classes else np.float64
    splits = [s for s in alike([train, *data.splits.values()])[1:] if s.labels is not None or s.numbers is not None]
    able = _able(best, max(len(s) - len(chosen) * (s is train) for s in splits))
    found: dict[str, npt.NDArray[Any]] = {}
    each: dict[str, dict[str, Floats]] = {name: {} for name in able}
    for split in splits:
        rest = np.setdiff1d(np.arange(len(split)), chosen) if split is train else np.arange(len(split))
        own = {name: np.zeros((len(split), *vote.shape[1:]), dtype=kept) for name in able}
        fits.apply(own, rest, encoded(split.rows, train.rows)[rest], like)
        found[split.name] = np.asarray(np.mean(list(own.values()), axis=0, dtype=kept))
        if split is train:
            found[split.name][chosen] = vote
        for name in able if fits.classes else ():
            if split is train:
                own[name][chosen] = outputs[name]
            each[name][split.name] = own[name]
    share = float(np.unique(fits.targets, return_counts=True)[1].max() / len(fits.targets)) if fits.classes else 0.0
    told = " and ".join(LEARNERS[name] for name in best)
    classes, numbers = (found, {}) if fits.classes else ({}, found)
    return Cheap(told, fits.score(vote), share, classes, numbers, scores, each)


def _able(names: Sequence[str], samples: int) -> Sequence[str]:
    """Those of learners that can be asked for so many samples."""
    return names if samples <= MAX_LOOKED_UP else [n for n in names if n != "nearest"] or ["trees"]


LEARNERS = {"linear": "a linear model", "nearest": "nearest neighbours", "trees": "random trees"}


class _Fits:
    """Models of each learner, one a fold, for inputs [n, d] and classes (or numbers where there are none)."""

    def __init__(self, inputs: Floats, targets: npt.NDArray[Any], folds: npt.NDArray[np.int64], classes: int) -> None:
        self.inputs, self.targets, self.folds, self.classes = inputs, targets, folds, classes
        self.models: dict[tuple[str, int], Any] = {}
        self.names = tuple(LEARNERS)

    def cross_validated(self, name: str) -> npt.NDArray[Any]:
        """Probabilities [n, classes], or numbers [n], of each sample by the model that has not seen it."""
        found = np.zeros((len(self.inputs), self.classes) if self.classes else len(self.inputs))
        for fold in range(FOLDS):
            away = self.folds != fold
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a linear model that has not converged is cheap, as it should be
                model = learner(name, self.classes, int(away.sum())).fit(self.inputs[away], self.targets[away])
            self.models[name, fold] = model
            found[~away] = self._said(model, self.inputs[~away])
        return found

    def apply(
        self, found: Mapping[str, npt.NDArray[Any]], rows: npt.NDArray[np.int64], features: Floats, like: Floats
    ) -> None:
        """Write what learners say of samples that no model has seen: of all folds, or of one where these are many.

        Args:
            found: by learner, [all, ...]; `rows`: positions in it of the samples [n].
            features: [n, d], which are prepared `like` those that the models were fitted on.
        """
        folds = 1 if len(features) > MAX_LOOKED_UP else FOLDS
        for begin in range(0, len(features), PART):
            part = prepared(features[begin : begin + PART], like)
            for name, all_of in found.items():
                said = [self._said(self.models[name, fold], part) for fold in range(folds)]
                all_of[rows[begin : begin + PART]] = np.mean(said, axis=0)

    def score(self, said: npt.NDArray[Any]) -> float:
        """Accuracy or r2."""
        if self.classes:
            return float(np.mean(said.argmax(axis=1) == self.targets))
        return float(1 - np.mean((said - self.targets) ** 2) / np.var(self.targets))

    def _said(self, model: Any, inputs: Floats) -> npt.NDArray[Any]:
        if not self.classes:
            return np.asarray(model.predict(inputs), dtype=np.float64).reshape(-1)
        found = np.zeros((len(inputs), self.classes))
        found[:, model.classes_] = model.predict_proba(inputs)
        return found


def learner(name: str, classes: int, samples: int) -> Any:
    """A new model of this kind, for classes (or numbers where there are none) and so many samples."""
    from sklearn import ensemble, linear_model, neighbors  # type: ignore[import-untyped]

    near = min(10, samples)
    if classes:
        return {
            "linear": lambda: linear_model.LogisticRegression(max_iter=100, tol=1e-3),
            "nearest": lambda: neighbors.KNeighborsClassifier(near, weights="distance"),
            "trees": lambda: ensemble.ExtraTreesClassifier(TREES, min_samples_leaf=2, random_state=0),
        }[name]()
    return {
        "linear": lambda: linear_model.Ridge(1.0),
        "nearest": lambda: neighbors.KNeighborsRegressor(near, weights="distance"),
        "trees": lambda: ensemble.ExtraTreesRegressor(TREES, min_samples_leaf=2, random_state=0),
    }[name]()
