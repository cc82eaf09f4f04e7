"""Whether training and held-out data come from one distribution: labels, single features, and all features together."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.faults import NotAssessable
from netvet.data.faults.cheap import prepared
from netvet.data.index import Audited, Split, alike

# So many of each side tell an effect that matters from none.
MAX_SAMPLES = 10_000
FEWEST = 30
# Of each side that a classifier is to tell apart, in so many folds.
TOLD_APART, FOLDS = 2_000, 5
EXAMPLES = 10


def split_drift(data: Audited) -> list[Record]:
    """Records of the signal `split_drift`: one for each held-out split."""
    train = data.train
    held_out = [s for s in data.held_out if len(s) >= FEWEST]
    if train is None or len(train) < FEWEST or not held_out:
        raise NotAssessable(f"it takes {FEWEST} training samples and as many that are held out")
    if train.name in data.facts.get("changing", ()):
        raise NotAssessable(
            "training samples are others each time, by augmentation or chance, so that they differ anyway"
        )
    return [_compared(data, train, split) for split in held_out]


def _compared(data: Audited, train: Split, split: Split) -> Record:
    record: dict[str, Any] = {
        "train": train.name,
        "split": split.name,
        "samples": len(split),
        "train_samples": len(train),
    }
    record |= _labels(data, train, split)
    ours, theirs = (drawn(s.rows.features, MAX_SAMPLES, seed) for seed, s in enumerate((train, split)))
    if split in alike([train, split]) and _length(train) == _length(split):
        record |= _features(ours, theirs, train.rows.names)
        record |= told_apart(ours[:TOLD_APART], theirs[:TOLD_APART])
    return record


def _length(split: Split) -> float | None:
    """Tokens of most windows; shares of the tokens of windows of two lengths differ by themselves."""
    tokens = split.rows.attributes.get("tokens")
    return float(np.median(tokens)) if tokens is not None and np.ptp(np.quantile(tokens, [0.25, 0.75])) == 0 else None


def drawn(features: npt.NDArray[np.float32], most: int, seed: int) -> npt.NDArray[np.float32]:
    """Samples in random order, without copies, of which many would make independent draws look like drift."""
    order = np.random.default_rng(seed).permutation(len(features))[:most]
    return features[order]


def _labels(data: Audited, train: Split, split: Split) -> dict[str, Any]:
    """Total variation between the shares of the classes (or KS of the numbers) and its p value."""
    from scipy.stats import chi2_contingency, ks_2samp  # type: ignore[import-untyped]

    if train.labels is not None and split.labels is not None:
        counts = np.array([np.bincount(s.labels[s.labels >= 0], minlength=len(data.classes))
                           for s in (train, split) if s.labels is not None], dtype=float)  # fmt: skip
        used = counts[:, counts.sum(axis=0) > 0]
        if used.shape[1] < 2 or used.sum(axis=1).min() < FEWEST:
            return {}
        shares = counts / counts.sum(axis=1, keepdims=True)
        moved = int(np.abs(shares[1] - shares[0]).argmax())
        p = float(chi2_contingency(used).pvalue)
        return {
            "label_distance": float(0.5 * np.abs(shares[1] - shares[0]).sum()), "label_p": p,
            "label": str(data.classes[moved]), "label_shares": [float(s) for s in shares[:, moved]],
        }  # fmt: skip
    if train.numbers is not None and split.numbers is not None:
        ours, theirs = (s.numbers[np.isfinite(s.numbers)] for s in (train, split) if s.numbers is not None)
        if min(len(ours), len(theirs)) >= FEWEST:
            found = ks_2samp(ours, theirs, method="asymp")
            return {
                "label_distance": float(found.statistic), "label_p": float(found.pvalue),
                "label_medians": [float(np.median(ours)), float(np.median(theirs))],
            }  # fmt: skip
    return {}


def _features(ours: npt.NDArray[Any], theirs: npt.NDArray[Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Kolmogorov-Smirnov of each feature (and the share of missing values), p values times the number of features."""
    from scipy.stats import ks_2samp

    rows = []
    for column in range(ours.shape[1]):
        one, other = (side[:, column][np.isfinite(side[:, column])] for side in (ours, theirs))
        if min(len(one), len(other)) < FEWEST:
            continue
        found = ks_2samp(one, other, method="asymp")
        rows.append(
            (float(found.statistic), float(found.pvalue), column, float(np.median(one)), float(np.median(other)))
        )
    rows.sort(reverse=True)
    moved = [
        {"column": names[c] if names else str(c), "distance": d, "p": min(1.0, p * len(rows)), "medians": [a, b]}
        for d, p, c, a, b in rows[:EXAMPLES]
    ]
    gone = np.isnan(theirs).mean(axis=0) - np.isnan(ours).mean(axis=0)
    worst = int(np.abs(gone).argmax()) if len(gone) else 0
    missing = (
        {"missing_column": names[worst] if names else str(worst), "missing_change": float(gone[worst])}
        if len(gone)
        else {}
    )
    return {"features": len(rows), "moved": moved, **missing}


def told_apart(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> dict[str, Any]:
    """Classifier two-sample test: how often one of each side is told apart (area under the curve), and its p value."""
    from sklearn.ensemble import ExtraTreesClassifier  # type: ignore[import-untyped]
    from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
    from sklearn.model_selection import StratifiedKFold  # type: ignore[import-untyped]

    both = np.concatenate([ours, theirs])
    side = np.repeat([0, 1], [len(ours), len(theirs)])
    # Copies are on one side of each fold as well: one that is in both splits cannot be told apart.
    inputs = np.nan_to_num(prepared(both, both))
    if not inputs.shape[1]:
        return {}
    said = np.zeros(len(both))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for fit, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(inputs, side):
            model = ExtraTreesClassifier(60, min_samples_leaf=5, class_weight="balanced", random_state=0)
            said[test] = model.fit(inputs[fit], side[fit]).predict_proba(inputs[test])[:, 1]
    area = float(roc_auc_score(side, said))
    # Hanley and McNeil, 1982: the standard error of the area where nothing can be told apart.
    error = float(np.sqrt((len(both) + 1) / (12 * len(ours) * len(theirs))))
    return {"area": area, "area_z": (area - 0.5) / error}
