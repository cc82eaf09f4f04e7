"""The columns of tables, the pixels of small tensors, the attributes of other samples, one by one."""

from __future__ import annotations

import numpy as np

from netvet.core import Record
from netvet.data.faults import NotAssessable
from netvet.data.index import Audited
from netvet.data.sketches import MAX_COLUMNS, QUANTILES, Column, Sketches


def features(data: Audited) -> list[Record]:
    """Records of the signal `data_features`."""
    found = [r for split, sketches in data.sketches.items() for r in _of_split(split, sketches)]
    if not found:
        raise NotAssessable("the samples have neither columns nor attributes")
    return found


def _of_split(split: str, sketches: Sketches) -> list[Record]:
    twins = _twins(sketches)
    listed = list(sketches.columns.items())[:MAX_COLUMNS]
    return [{**_record(split, name, column), "correlated": twins.get(name)} for name, column in listed]


def _record(split: str, name: str, column: Column) -> Record:
    number = not column.words and column.count > 0
    quantiles = dict(zip([f"{q:g}" for q in QUANTILES], column.quantiles, strict=False))
    return {
        "split": split, "feature": name, "kind": "words" if column.words else "numbers", "count": column.count,
        "missing": column.missing, "infinite": column.infinite, "mean": column.mean if number else None,
        "std": column.std if number else None, "low": column.low if number else None,
        "high": column.high if number else None, "quantiles": quantiles or None,
        "distinct": column.distinct if len(column.hashes) else None,
        "top": [[value, count] for value, count in column.top()],
    }  # fmt: skip


def _twins(sketches: Sketches) -> dict[str, list[object]]:
    """The other column that goes most with each one, and Pearson's correlation of the two."""
    if len(sketches.together.names) < 2 or sketches.together.count < 2:
        return {}
    found = sketches.together.correlations.copy()
    np.fill_diagonal(found, 0.0)
    found[~np.isfinite(found)] = 0.0
    best = np.abs(found).argmax(axis=1)
    names = sketches.together.names
    return {n: [names[b], round(float(found[i, b]), 4)] for i, (n, b) in enumerate(zip(names, best, strict=True))}
