"""Dumb baselines: what counting, a linear model, the nearest neighbour and a small tree make of the same split."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data
from netvet.experiments.problem import Problem

Array = npt.NDArray[Any]

# Samples that are fitted and scored: a linear model of 2,000 samples takes about a second.
MAX_SAMPLES, LEAST = 2_000, 30
# More features than this are brought down to their first principal components.
MAX_FEATURES, COMPONENTS = 512, 64
# Integer inputs with fewer different values than this are counted, as words are.
MAX_WORDS = 2_000
TREE_DEPTH = 4
# Images that are to be put out have no linear model within a second or two.
MAX_OUTPUTS = 64
# Redrawn sets of samples that an interval of r2 is taken from; standard errors either side for 95 %.
DRAWS, SIGMAS = 200, 2.0
# Several learners are tried: the best of them must be better by more than one would.
SURE = 3.0


@dataclass(frozen=True)
class SimpleScores:
    """Scores on held-out samples.

    Args:
        name: `accuracy` or `r2`.
        constant: of the answer that is always the same, called `constant_name` (majority, mean, unigram).
        learned: of simple learners, by name; none where inputs and targets make no table.
        errors: standard errors of these.
        samples: held-out samples that were scored.
        hindsight: score of the constant that suits the held-out samples themselves.
    """

    name: str
    constant: float
    constant_name: str
    learned: dict[str, float]
    errors: dict[str, float]
    samples: int
    hindsight: float

    @property
    def best(self) -> str | None:
        """Name of the best learner."""
        return max(self.learned, key=lambda name: self.learned[name]) if self.learned else None

    @property
    def finds_something(self) -> bool:
        """Some learner is better than a constant, beyond luck."""
        return any(self.learned[n] - SURE * self.errors[n] > max(self.constant, self.hindsight) for n in self.learned)

    @property
    def told(self) -> str:
        """The best in words."""
        return f"the best simple learner, {self.best}, reaches {self.learned[self.best]:.3g}" if self.best else ""

    def record(self) -> dict[str, Any]:
        """JSON types."""
        scores = {self.constant_name: self.constant, **self.learned}
        spans = {n: [v - SIGMAS * self.errors[n], v + SIGMAS * self.errors[n]] for n, v in self.learned.items()}
        return {"score": self.name, "scores": scores, "intervals": spans, "samples": self.samples}


def simple_scores(problem: Problem) -> SimpleScores | None:
    """Fit simple learners to the training samples, and score them on the held-out ones.

    Returns:
        None where it is not known what the targets mean, or where they are too few or of different kinds.

    Raises:
        NetvetError: scikit-learn is missing.
    """
    train, val = _targets(problem, problem.train), _targets(problem, problem.val)
    if train is None or val is None or train.shape[1] != val.shape[1] or min(len(train), len(val)) < LEAST:
        return None
    constant = _constant(problem.kind, train, val)
    if constant is None:
        return None
    scores = _repeated(problem) if _is_sequence(problem) else _learned(problem)
    name = "mean" if problem.kind == "numbers" else "unigram" if "repeat-last" in scores else "majority"
    rows = sum(len(b[problem.val.roles.inputs[0]]) for b in _few(problem.val)) if _is_sequence(problem) else len(val)
    return SimpleScores(
        "r2" if problem.kind == "numbers" else "accuracy", constant, name,
        {n: s for n, (s, _) in scores.items()}, {n: e for n, (_, e) in scores.items()}, rows,
        _constant(problem.kind, val, val) or 0.0,
    )  # fmt: skip


def best_constant(problem: Problem) -> float | None:
    """Score of the constant answer that suits the held-out samples themselves; None where it is not known."""
    val = _targets(problem, problem.val)
    return None if val is None else _constant(problem.kind, val, val)


def standard_error(name: str, score: float, samples: int) -> float:
    """Of an accuracy (binomial, Wilson's correction), or of r2 (Olkin and Finn, 1995), on so many samples."""
    count = max(samples, 1)
    if name == "accuracy":
        share = (score * count + 2) / (count + 4)
        return math.sqrt(share * (1 - share) / (count + 4))
    explained = min(max(score, 1 / count), 1.0)
    return math.sqrt(4 * explained * (1 - explained) ** 2 / count) + 1 / count


def _few(data: Data) -> list[Batch]:
    """Some of the samples, drawn if they can be."""
    size = data.size
    if size is None:
        return list(data.batches)
    rows = torch.randperm(size, generator=torch.Generator().manual_seed(0))[:MAX_SAMPLES]
    return [data.samples(rows)]


def _targets(problem: Problem, data: Data) -> Array | None:
    """[samples, values of each]."""
    name = next(iter(data.roles.targets), None)
    if name is None or problem.kind == "unknown":
        return None
    found = [b[name].detach().cpu() for b in _few(data) if b[name].dim()]
    # Labels of all places of a sequence or an image are counted together.
    rows = [t.reshape(-1, 1).numpy() if problem.kind == "classes" else t.reshape(len(t), -1).numpy() for t in found]
    return np.concatenate(rows) if rows and len({r.shape[1] for r in rows}) == 1 else None


def _is_sequence(problem: Problem) -> bool:
    """There are several labels for each sample."""
    first, roles = problem.val.batches[0], problem.val.roles
    samples = {len(first[n]) for n in roles.inputs if first[n].dim()}
    target = first[roles.targets[0]]
    return problem.kind == "classes" and bool(samples) and target.numel() > max(samples)


def _constant(kind: str, train: Array, val: Array) -> float | None:
    if kind == "numbers":
        return _r2(np.broadcast_to(train.mean(0), val.shape), val)
    columns = [train.reshape(-1, 1), val.reshape(-1, 1)] if kind == "classes" else [train, val]
    fitted, asked = (c.astype(np.int64) for c in columns)
    hits = []
    for column in range(fitted.shape[1]):
        known, wanted = (v[:, column][v[:, column] >= 0] for v in (fitted, asked))
        if not len(known) or not len(wanted):
            return None
        hits.append(float((wanted == np.bincount(known).argmax()).mean()))
    return sum(hits) / len(hits)


def _r2(predicted: Array, wanted: Array) -> float:
    total = float(((wanted - wanted.mean()) ** 2).sum())
    return 1.0 - float(((predicted - wanted) ** 2).sum()) / total if total > 0 else 0.0


def _learned(problem: Problem) -> dict[str, tuple[float, float]]:
    """Score and its standard error of each simple learner."""
    pair = _table(problem, problem.train), _table(problem, problem.val)
    if pair[0] is None or pair[1] is None or pair[0][0].shape[1] != pair[1][0].shape[1]:
        return {}
    (x, y), (others, wanted) = pair[0], pair[1]
    if min(len(x), len(others)) < LEAST or y.shape[1:] > (MAX_OUTPUTS,):
        return {}
    x, others = _features(x, others)
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a linear model that has not converged is a baseline all the same
        for name, learner in _learners(problem.kind, y).items():
            predicted = learner.fit(x, y).predict(others)
            found[name] = _scored(problem.kind, np.asarray(predicted).reshape(wanted.shape), wanted)
    return found


def _repeated(problem: Problem) -> dict[str, tuple[float, float]]:
    """Tokens: the answer is the token that has come in last."""
    roles, hits = problem.val.roles, []
    for batch in problem.val.batches:
        wanted = batch[roles.targets[0]]
        alike = (t for t in (batch[n] for n in roles.inputs) if t.numel() == wanted.numel() and t.dim() > 1)
        given = next((t for t in alike if not t.is_floating_point()), None)
        if given is None:
            return {}
        wanted = wanted.reshape(given.shape)
        counted = (wanted >= 0).reshape(len(given), -1)
        right = (given == wanted).reshape(len(given), -1) & counted
        hits.append(right.double().sum(1) / counted.sum(1).clamp_min(1))
    each = torch.cat(hits).cpu().numpy()
    return {"repeat-last": (float(each.mean()), float(each.std()) / math.sqrt(len(each)) + 1 / len(each))}


def _table(problem: Problem, data: Data) -> tuple[Array, Array] | None:
    """Inputs [samples, features], and labels [samples] or numbers [samples, k]."""
    name, features, targets = data.roles.targets[0], [], []
    for batch in _few(data):
        own = [batch[n] for n in data.roles.inputs]
        target = batch[name].detach().cpu()
        if not own or any(t.dim() == 0 or len(t) != len(target) or t.is_complex() for t in own):
            return None
        features.append(np.concatenate([t.detach().cpu().double().reshape(len(t), -1).numpy() for t in own], axis=1))
        targets.append(target.reshape(len(target), -1).numpy())
        if sum(map(len, targets)) >= MAX_SAMPLES:
            break
    if len({f.shape[1] for f in features}) != 1:
        return None
    x, y = np.concatenate(features), np.concatenate(targets)
    y = y.astype(np.float64 if problem.kind == "numbers" else np.int64)
    y = y[:, 0] if y.shape[1] == 1 else y
    counted = np.isfinite(x).all(1)
    if problem.kind != "numbers" and y.ndim == 1:
        counted &= y >= 0
    return x[counted], y[counted]


def _features(x: Array, others: Array) -> tuple[Array, Array]:
    """Standardised; sequences of words are counted, many features are brought down to principal components."""
    decomposition, preprocessing = _sklearn("decomposition"), _sklearn("preprocessing")
    whole = bool((x == np.round(x)).all() and (others == np.round(others)).all())
    if whole and x.shape[1] > 1 and x.min() >= 0 and others.min() >= 0 and 2 < max(x.max(), others.max()) < MAX_WORDS:
        words = int(max(x.max(), others.max())) + 1
        x, others = (np.concatenate([some, _counts(some, words)], axis=1) for some in (x, others))
    scaler = preprocessing.StandardScaler().fit(x)
    x, others = scaler.transform(x), scaler.transform(others)
    if x.shape[1] > MAX_FEATURES:
        reduced = decomposition.PCA(min(COMPONENTS, len(x)), svd_solver="randomized", random_state=0).fit(x)
        x, others = reduced.transform(x), reduced.transform(others)
    return x, others


def _counts(rows: Array, words: int) -> Array:
    return np.stack([np.bincount(row.astype(np.int64), minlength=words) for row in rows])


def _learners(kind: str, y: Array) -> dict[str, Any]:
    linear, neighbors, tree = _sklearn("linear_model"), _sklearn("neighbors"), _sklearn("tree")
    if kind == "numbers":
        return {
            "linear": linear.RidgeCV((0.01, 1.0, 100.0, 10_000.0)),
            "nearest-neighbour": neighbors.KNeighborsRegressor(1),
            "small-tree": tree.DecisionTreeRegressor(max_depth=TREE_DEPTH, random_state=0),
        }
    found = {
        "nearest-neighbour": neighbors.KNeighborsClassifier(1),
        "small-tree": tree.DecisionTreeClassifier(max_depth=TREE_DEPTH, random_state=0),
    }
    if y.ndim > 1:
        return {"linear": linear.RidgeClassifier(10.0), **found}
    return {"logistic": linear.LogisticRegression(max_iter=100, C=0.1), **found} if len(np.unique(y)) > 1 else found


def _scored(kind: str, predicted: Array, wanted: Array) -> tuple[float, float]:
    if kind != "numbers":
        score = float((predicted == wanted).mean())
        return score, standard_error("accuracy", score, len(wanted))
    rng = np.random.default_rng(0)
    drawn = [_r2(predicted[r], wanted[r]) for r in (rng.integers(0, len(wanted), len(wanted)) for _ in range(DRAWS))]
    return _r2(predicted, wanted), float(np.std(drawn))


def _sklearn(part: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"sklearn.{part}")
    except ImportError as error:
        raise NetvetError("simple learners need scikit-learn: pip install 'netvet[recipe]'") from error
