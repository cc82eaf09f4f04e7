"""Audited data from plain arrays, as a scan would leave them."""

import numpy as np

from netvet.data.describe import fingerprints
from netvet.data.index import Audited, Rows, splits_of
from netvet.data.summaries import Moments


def audited(parts, *, kind="table", task=None, names=(), live=False, **facts):
    """From split -> (inputs, targets, attributes)."""
    rows = {}
    for name, (inputs, targets, *attributes) in parts.items():
        features = np.asarray(inputs).reshape(len(inputs), -1).astype(np.float32)
        near = np.zeros((len(features), 0), np.uint64)
        found = dict(attributes[0]) if attributes else {}
        aimed = None if targets is None else np.asarray(targets)
        rows[name] = Rows(None, fingerprints.of_rows(features), features, near, found, aimed, tuple(names))
    splits, classes = splits_of(rows, task)
    moments = {name: Moments.of(one.features) for name, one in rows.items()}
    return Audited(kind, "made", splits, classes, moments, live, facts)
