"""Windows of tokens: which ones there are, and how often."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Chunk, Numbered
from netvet.data.describe import fingerprints
from netvet.data.index import Floats, Rows

# Tokens are counted in so many classes by a hash of their number (Knuth's, multiplicative).
FEATURE_BITS, _KNUTH = 6, 2654435761


def rows(chunk: Chunk) -> Rows:
    """One row a window: lowest and highest token, different ones, share of the commonest."""
    windows = np.asarray(chunk.inputs).astype(np.int64)
    ordered = np.sort(windows, axis=1)
    changes = np.diff(ordered, axis=1) != 0
    attributes = {
        "tokens": np.full(len(windows), float(windows.shape[1])),
        "lowest token": ordered[:, 0].astype(np.float64),
        "highest token": ordered[:, -1].astype(np.float64),
        "different tokens": changes.sum(axis=1) + 1.0,
        "share of the commonest token": _longest(changes) / windows.shape[1],
    }
    return Rows(
        None if isinstance(chunk.keys, Numbered) else chunk.keys,
        fingerprints.of_rows(windows), _counts(windows), np.zeros((len(windows), 0), np.uint64),
        {**attributes, **chunk.attributes}, chunk.targets, problems=chunk.problems,
    )  # fmt: skip


def _longest(changes: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Longest run of equal values in sorted rows [n, t], of which `changes` [n, t - 1] tells where a new one begins."""
    edges = np.ones((len(changes), changes.shape[1] + 2), bool)
    edges[:, 1:-1] = changes
    row, place = np.nonzero(edges)
    lengths = np.diff(place)
    longest = np.zeros(len(changes))
    same = row[1:] == row[:-1]
    np.maximum.at(longest, row[1:][same], lengths[same].astype(np.float64))
    return longest


def _counts(windows: npt.NDArray[np.int64]) -> Floats:
    """How often tokens of each class are in a window: roots of shares [n, 64], so that distances are Hellinger's."""
    classes = ((windows.astype(np.uint32) * np.uint32(_KNUTH)) >> np.uint32(32 - FEATURE_BITS)).astype(np.int64)
    size = 1 << FEATURE_BITS
    flat = np.bincount((classes + np.arange(len(windows))[:, None] * size).ravel(), minlength=len(windows) * size)
    shares: Floats = np.sqrt(flat.reshape(len(windows), size) / windows.shape[1]).astype(np.float32)
    return shares
