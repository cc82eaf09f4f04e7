"""What the data are: samples, classes and kind of each split."""

from __future__ import annotations

import numpy as np

from netvet.core import Record
from netvet.data.index import Audited, Split


def splits(data: Audited) -> list[Record]:
    """Records of the signal `data_splits`."""
    return [_split(data, split) for split in data.splits.values()]


def _split(data: Audited, split: Split) -> Record:
    counts = None
    if split.labels is not None:
        counts = np.bincount(split.labels[split.labels >= 0], minlength=len(data.classes)).tolist()
    return {
        "split": split.name, "role": split.role, "kind": data.kind, "samples": len(split),
        "classes": list(data.classes), "counts": counts, "problems": len(split.rows.problems),
    }  # fmt: skip
