"""Tokens: which there are, and which a vocabulary of the size that the user gives does not have."""

from __future__ import annotations

import numpy as np

from netvet.core import Record
from netvet.data.faults import NotAssessable
from netvet.data.index import Audited, Split

EXAMPLES = 10


def tokens(data: Audited) -> list[Record]:
    """Records of the signal `data_tokens`."""
    if data.kind != "tokens":
        raise NotAssessable(f"the data are no tokens but of the kind {data.kind}")
    return [_split(data, split) for split in data.splits.values() if len(split)]


def _split(data: Audited, split: Split) -> Record:
    size = data.facts.get("vocabulary")
    low, high, length = (split.rows.attributes[n] for n in ("lowest token", "highest token", "tokens"))
    outside = np.flatnonzero((low < 0) | (high >= size)) if size is not None else np.zeros(0, int)
    column = data.sketches[split.name].columns.get("token") if split.name in data.sketches else None
    return {
        "split": split.name, "tokens": int(length.sum()), "low": int(low.min()), "high": int(high.max()),
        "distinct": None if column is None else column.distinct, "vocabulary": size, "outside": len(outside),
        "windows": len(split), "examples": [split.key(int(i)) for i in outside[:EXAMPLES]],
    }  # fmt: skip
