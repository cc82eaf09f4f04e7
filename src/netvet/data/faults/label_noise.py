"""How likely each label is wrong: what models say of the true class, against labels drawn at random.

A given label is taken to be the true class, or with a probability that all samples share another class at random. What
models say of the true class is their outputs multiplied, each to a power of its own: that drops bad models, and makes
them as sure as they are right. The powers and the share of wrong labels are those that make the given labels likeliest
(outputs are of samples that a model has not seen). Wide overlap of the classes then needs no wrong labels to be
explained, and Bayes' rule gives the probability that a label is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Numbers of each model that the few parameters are fitted to: more change them by less than their error.
MAX_NUMBERS, MAX_SAMPLES = 1_000_000, 20_000
# Samples that are judged at once.
PART = 50_000
# Of the shares of the classes, which each output is mixed with: a vote of few neighbours says 0 of what is rare. Less
# changes nothing, more hides from which probability on a model that is too sure is wrong.
MIXED = 1e-5
# Bounds of the logarithm of a power, and of the log odds of the share of wrong labels (1e-4 to 0.4).
POWERS, ODDS = (-6.0, 3.0), (-9.0, -0.4)
# A prior of half a wrong label and five right ones beyond those that are given: no share of nothing, none of a half.
WRONG, RIGHT = 0.5, 5.0


@dataclass(frozen=True)
class Noise:
    """What n given labels tell of wrong ones.

    Attributes:
        share: of wrong labels among all; `powers`: of the models.
        truth: probability of each class to be the true one by the inputs alone, float32 [n, classes].
        wrong: probability that a given label is wrong, [n].
    """

    share: float
    powers: Floats
    truth: npt.NDArray[np.float32]
    wrong: Floats


def noise(outputs: Sequence[npt.NDArray[Any]], given: Ints) -> Noise:
    """Judge the labels given to n samples.

    Args:
        outputs: of each model, probabilities [n, classes] of samples that it was not fitted on.
        given: class of each sample [n].
    """
    classes = outputs[0].shape[1]
    shares = np.bincount(given, minlength=classes) / len(given)
    most = min(MAX_SAMPLES, max(MAX_NUMBERS // classes, 1))
    random = np.random.default_rng(0)
    rows = np.arange(len(given)) if len(given) <= most else np.sort(random.choice(len(given), most, replace=False))
    powers, share = _likeliest(_logs(outputs, rows, shares), given[rows])
    truth = np.empty((len(given), classes), dtype=np.float32)
    wrong = np.empty(len(given))
    for begin in range(0, len(given), PART):
        part = np.arange(begin, min(begin + PART, len(given)))
        said = _pooled(_logs(outputs, part, shares), powers)
        truth[part] = said
        own = said[np.arange(len(part)), given[part]]
        drawn = share * (1 - own) / max(classes - 1, 1)
        wrong[part] = drawn / np.maximum(drawn + (1 - share) * own, 1e-300)
    return Noise(share, powers, truth, wrong)


def _logs(outputs: Sequence[npt.NDArray[Any]], rows: Ints, shares: Floats) -> Floats:
    """Logarithms of the outputs [models, rows, classes]."""
    every = np.stack([one[rows] for one in outputs]).astype(np.float64)
    found: Floats = np.log(np.maximum((every + MIXED * shares) / (1 + MIXED), 1e-12))
    return found


def _pooled(logs: Floats, powers: Floats) -> Floats:
    """The product of outputs, each to its power, as probabilities [n, classes]."""
    total = np.tensordot(powers, logs, axes=1)
    found = np.exp(total - total.max(axis=1, keepdims=True))
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _likeliest(logs: Floats, given: Ints) -> tuple[Floats, float]:
    """Powers and share of wrong labels of the greatest likelihood, with weak priors."""
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    models = len(logs)
    usual = np.full(models, -np.log(models))  # powers that add up to 1
    start = np.append(usual, -3.0)
    bounds = [POWERS] * models + [ODDS]
    found = minimize(_loss, start, (logs, given, usual), jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.exp(found[:-1]), float(1 / (1 + np.exp(-found[-1])))


def _loss(at: Floats, logs: Floats, given: Ints, usual: Floats) -> tuple[float, Floats]:
    """Minus the logarithm of likelihood and priors, and its gradient.

    Args:
        at: logarithms of the powers, then log odds of the share of wrong labels.
        usual: logarithms of powers that are the likeliest beforehand (with a standard deviation of 1).
    """
    powers, share = np.exp(at[:-1]), 1 / (1 + np.exp(-at[-1]))
    others = max(logs.shape[2] - 1, 1)
    rows = np.arange(len(given))
    said = _pooled(logs, powers)
    own = said[rows, given]
    seen = (1 - share) * own + share * (1 - own) / others
    prior = 0.5 * np.sum((at[:-1] - usual) ** 2) - WRONG * np.log(share) - RIGHT * np.log(1 - share)
    steep = own * ((1 - share) - share / others) / seen
    slopes = logs[:, rows, given] - np.einsum("nk,mnk->mn", said, logs)
    by_power = -(slopes @ steep) * powers + (at[:-1] - usual)
    by_share = np.sum((own - (1 - own) / others) / seen) * share * (1 - share) - WRONG * (1 - share) + RIGHT * share
    return float(prior - np.log(seen).sum()), np.append(by_power, by_share)
