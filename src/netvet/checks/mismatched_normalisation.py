"""Training and evaluation inputs that were normalised in different ways."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="distance of the means and spreads [std]",
    explained_by=("non-finite-input", "excessive-augmentation"),
    fixes={"same-transform": "Put the same scaling, with the numbers fitted on the training data, before both."},
)
def mismatched_normalisation(
    inputs: Facts,
    evaluations: Facts | None = None,
    *,
    factor: float = 2.5,  # of the std; noise or erasing as augmentation changes it by less than 2
    shift: float = 0.5,  # in std; catalogue
    fewest: int = 32,  # samples in each phase
) -> Iterator[Finding]:
    """The inputs of the evaluation have another scale or offset than those of the training.

    ## Why it matters
    The net meets numbers in the evaluation that it has never seen: the score falls, sometimes to chance, although the
    training is sound.

    ## Example
    >>> from netvet.core import Facts
    >>> train = {"model": "Net", "position": 0, "phase": "train", "mean": 0.3, "std": 0.4, "samples": 900, "max": 1.0}
    >>> score = {**train, "phase": "eval", "mean": 77.0, "std": 102.0, "max": 255.0}
    >>> both = Facts.of({**train, "dtype": "float32", "min": 0.0}, {**score, "dtype": "float32", "min": 0.0})
    >>> mismatched_normalisation(both, Facts.of({"model": "Net", "accuracy": 0.1}))[0].message
    'input 0 of Net has mean 0.3 and std 0.4 in training, but mean 77 and std 102 in evaluation'

    ## Known problems
    Rollouts, sampling and generation are no evaluation of the same data and are silent, as they have no score.
    Augmentation and noise widen the training data a little. Where the data themselves drift (a later period), the
    finding is a note, because their values are no rescaled copy of the training values; so it is where both are parts
    of one tensor that was scaled as a whole.

    ## References
    Measured on the digits: evaluation divided by 255 scores 0.10 in place of 0.93.
    """
    scores = [e for e in evaluations or () if number(e, "accuracy") is not None or number(e, "loss") is not None]
    scored = {e.get("model") for e in scores}
    for train in inputs.where(phase="train"):
        model, position = train.get("model"), train.get("position")
        audited = train.get("named") is not None  # splits of one data set
        is_float = str(train.get("dtype")).removeprefix("torch.").startswith(("float", "bfloat"))
        if (model not in scored and not audited) or not is_float:
            continue
        for other in inputs.where(model=model, position=position, phase="eval"):
            m, s, n = (number(train, f) for f in ("mean", "std", "samples"))
            m2, s2, n2 = (number(other, f) for f in ("mean", "std", "samples"))
            if m is None or m2 is None or not s or not s2 or min(n or 0, n2 or 0) < fewest:
                continue
            ratio, moved = max(s / s2, s2 / s), abs(m - m2) / min(max(s, s2), 2 * min(s, s2))
            if not (ratio > factor or (ratio > 1.5 and moved > shift) or moved > 2):
                continue
            name = "the data have" if audited else f"input {position} of {model} has"
            where = f"the {other.get('split')} split" if audited else "evaluation"
            message = f"{name} mean {m:.3g} and std {s:.3g} in training, but mean {m2:.3g} and std {s2:.3g} in {where}"
            origin = location_of(train, "origin")
            same = origin is not None and origin == location_of(other, "origin")
            rescaled = not same and _rescaled(train, other)
            value, limit = (ratio, factor) if ratio > factor else (moved, shift)
            sure = 0.9 if rescaled else 0.5
            severity: Severity | None = None if rescaled else "note"
            yield Finding(
                message, str(model), None, value, limit, location_of(other, "given", ""), severity=severity,
                confidence=sure,
            )  # fmt: skip


def _rescaled(one: Record, other: Record) -> bool:
    """Whether the values look like a rescaled copy: equal range in units of their own mean and std, or scaled once."""
    a, b = _ends(one), _ends(other)
    if a is not None and b is not None and bool(np.all(np.abs(a - b) <= 0.25 * np.maximum(np.abs(a), np.abs(b)) + 0.1)):
        return True
    features = [_features(r) for r in (one, other)]
    if any(f is None or len(f[0]) < 3 for f in features):
        return False
    (mean, std), (mean2, std2) = (f for f in features if f is not None)
    if len(std) != len(std2):
        return False
    used = (std > 1e-9) & (std2 > 1e-9)
    if used.sum() < 3:
        return False
    logs = np.log(std[used] / std2[used])
    standard = [
        bool(np.all(np.abs(m) < 0.3) and np.all(np.abs(np.log(s[used])) < 0.5)) for m, s in ((mean, std), (mean2, std2))
    ]
    return bool(logs.std() < 0.2 and abs(logs.mean()) > np.log(1.5)) or standard[0] != standard[1]


def _ends(record: Record) -> np.ndarray | None:
    low, high, mean, std = (number(record, f) for f in ("min", "max", "mean", "std"))
    if low is None or high is None or mean is None or not std:
        return None
    return np.asarray([(low - mean) / std, (high - mean) / std])


def _features(record: Record) -> tuple[np.ndarray, np.ndarray] | None:
    means, stds = record.get("feature_mean"), record.get("feature_std")
    if not means or not stds or len(means) != len(stds):
        return None
    return np.asarray(means, dtype=float), np.asarray(stds, dtype=float)
