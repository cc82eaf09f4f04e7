"""Columns that give the target away: what only a copy, a code, a later fact or a counter does, not a good feature.

A good feature has values of its own and overlaps between classes, or is cut at a threshold. A column that was made of
the target has for each class practically one value; one that was filled in after the target is empty for all other
classes; a counter knows the order of the file. Only these are accused; a column that decides the target in another way
is told as such.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.describe.tensor import is_projected
from netvet.data.faults import NotAssessable
from netvet.data.faults.alone import Sampled, balanced, r2, sampled, skill
from netvet.data.faults.cheap import cheap
from netvet.data.index import Audited, Split

# Decides the target; and so far is the next best column behind.
DECIDES, AHEAD = 0.98, 0.1
# Skill from which on a number of the row is one that knows the order of the classes, and r2 that a copy has at least.
SORTED, COPIED = 0.9, 0.9
# Of the distance between the values of two classes: their own spread. A measured feature has more (iris: 0.2).
TIGHT = 0.03
# Share of a class that has a value, and of every other: what is measured before the target is there for some of each.
FILLED, EMPTY = 0.5, 0.005
# Samples on each side of what a column is said to tell.
FEWEST = 20
# Wider samples are pixels or projections, of which none stands for itself.
MAX_COLUMNS = 256


def feature_leaks(data: Audited) -> list[Record]:
    """Records of the signal `feature_leaks`: one a column of the training data that decides the target by itself."""
    train = data.train
    if train is None or (train.labels is None and train.numbers is None):
        raise NotAssessable("the training data have no targets")
    if data.kind not in ("table", "tensor") or train.rows.features.shape[1] > MAX_COLUMNS:
        raise NotAssessable(f"samples of the kind {data.kind} have no columns that stand for themselves")
    if is_projected(train.rows):
        raise NotAssessable("the samples are too wide for a look at each of their values")
    of = sampled(train)
    if len(of.chosen) < 2 * FEWEST or len(np.unique(of.targets)) < 2:
        raise NotAssessable("too few samples with different targets")
    if train.rows.features.shape[1] < 2:
        raise NotAssessable("a single column cannot be compared with others")
    return _leaks(data, train, of)


def _leaks(data: Audited, train: Split, of: Sampled) -> list[Record]:
    features = train.rows.features[of.chosen].astype(np.float64)
    alone = np.array([skill(features[:, c], of) for c in range(features.shape[1])])
    found: list[Record] = []
    for column in range(features.shape[1]):
        rest, own = np.where(np.arange(len(alone)) == column, -np.inf, alone), float(alone[column])
        how = _how(features[:, column], own, of)
        if how is None and own >= SORTED and _is_counter(features[:, column], of):
            how = "counter"
        if how is None and (own < DECIDES or rest.max() > own - AHEAD):
            continue  # others tell as much: good features of an easy task
        found.append(_record(data, train, of, alone, _name(train, column), own, rest, how or "unknown"))
    if data.kind == "table":
        found += _identifiers(data, train, of, alone)
    return found


def _identifiers(data: Audited, train: Split, of: Sampled, alone: npt.NDArray[np.float64]) -> list[Record]:
    """Names of the rows, which are no inputs of a careful program, that know the order of the classes."""
    found: list[Record] = []
    for name, values in train.rows.attributes.items():
        column = values[of.chosen].astype(np.float64) if values.dtype.kind in "fiub" else np.zeros(0)
        said = name in ("group", "time") or name in data.facts.values()
        if said or not len(column) or not _is_counter(column, of) or (own := skill(column, of)) < SORTED:
            continue
        found.append({**_record(data, train, of, alone, name, own, alone, "counter"), "identifier": True})
    return found


def _record(
    data: Audited, train: Split, of: Sampled, alone: npt.NDArray[np.float64], column: str, own: float,
    rest: npt.NDArray[np.float64], how: str,
) -> Record:  # fmt: skip
    return {
        "split": train.name, "column": column, "alone": own, "how": how, "next": float(rest.max()),
        "next_column": _name(train, int(rest.argmax())), "samples": len(of.chosen), "columns": len(alone),
        "task": "classification" if of.classes else "regression", "all_together": _together(data, train, of),
        "decisive": int((alone >= DECIDES).sum()), "identifier": False,
    }  # fmt: skip


def _name(train: Split, column: int) -> str:
    return train.rows.names[column] if train.rows.names else str(column)


def _together(data: Audited, train: Split, of: Sampled) -> float | None:
    """Skill of cheap models with all columns, where they could be fitted."""
    try:
        by = cheap(data)
    except NotAssessable:
        return None
    if of.classes:
        return balanced(by.probabilities[train.name].argmax(axis=1)[of.chosen], of.targets)
    return r2(by.numbers[train.name][of.chosen], of.targets)


def _how(column: npt.NDArray[np.float64], alone: float, of: Sampled) -> str | None:
    """What gives the column away: `code`, `later`, `missing`, `function`; None where it may be a feature."""
    if not of.classes:
        return "function" if alone >= COPIED and _is_function(column, of.targets) else None
    if _missing_tells(column, of):
        return "missing"
    if alone >= DECIDES and _is_code(column, of):
        return "code"
    return "later" if _is_later(column, of) else None


def _groups(column: npt.NDArray[np.float64], of: Sampled) -> list[npt.NDArray[np.float64]]:
    kept = np.isfinite(column)
    return [column[kept & (of.targets == c)] for c in np.unique(of.targets)]


def _is_code(column: npt.NDArray[np.float64], of: Sampled) -> bool:
    """Each class has practically one value, and no other class has it."""
    groups = _groups(column, of)
    if min(len(g) for g in groups) < 5 or len(groups) < 2:
        return False
    ends = np.array([np.quantile(g, (0.02, 0.5, 0.98)) for g in groups])
    order = np.argsort(ends[:, 1])
    gaps = np.diff(ends[order, 1])
    return bool(gaps.min() > 0 and (ends[:, 2] - ends[:, 0]).max() <= TIGHT * gaps.min())


def _is_later(column: npt.NDArray[np.float64], of: Sampled) -> bool:
    """One class has a single value that the others never have, and the others have many."""
    kept = np.isfinite(column)
    for label in np.unique(of.targets):
        own, other = column[kept & (of.targets == label)], column[kept & (of.targets != label)]
        if min(len(own), len(other)) < FEWEST:
            continue
        value = float(np.median(own))
        if np.mean(own == value) >= 0.99 and np.mean(other == value) <= 0.01 and len(np.unique(other)) > 10:
            return True
    return False


def _missing_tells(column: npt.NDArray[np.float64], of: Sampled) -> bool:
    """Which samples have no value is decided by the class."""
    missing = np.isnan(column)
    if min(missing.sum(), (~missing).sum()) < FEWEST:
        return False
    share = np.array([missing[of.targets == c].mean() for c in np.unique(of.targets)])
    decided = np.all((share <= 0.02) | (share >= 0.98)) and share.max() > 0.5 > share.min()
    return bool(decided or _only_one(~missing, of))


def _only_one(present: npt.NDArray[np.bool_], of: Sampled) -> bool:
    """One class has values, if not always, and hardly any sample of the others has: a survey of those who left."""
    share = np.sort([present[of.targets == c].mean() for c in np.unique(of.targets)])
    return bool(share[-1] >= FILLED and share[-2] <= EMPTY)


def _is_function(column: npt.NDArray[np.float64], numbers: npt.NDArray[Any]) -> bool:
    """The number to be predicted is a smooth monotone function of the column, without any noise."""
    kept = np.isfinite(column)
    if kept.mean() < 0.9 or len(np.unique(numbers)) < FEWEST or len(np.unique(column[kept])) < FEWEST:
        return False
    from scipy.stats import spearmanr  # type: ignore[import-untyped]

    return bool(abs(float(spearmanr(column[kept], numbers[kept]).statistic)) > 0.9999)


def _is_counter(column: npt.NDArray[np.float64], of: Sampled) -> bool:
    """Whole numbers that only ever rise from sample to sample: a number of the row, not a feature."""
    if not np.isfinite(column).all() or np.any(column % 1) or len(column) < FEWEST:
        return False
    steps = np.diff(column)
    stride = (column[-1] - column[0]) / max(int(of.chosen[-1] - of.chosen[0]), 1)
    return bool(np.all(steps > 0) and 0.5 <= stride <= 2)
