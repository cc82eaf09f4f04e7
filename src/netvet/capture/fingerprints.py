"""Exact fingerprints of single samples, and what sequences of them tell about epochs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

Prints = npt.NDArray[np.int64]
# A batch that scores training samples on purpose has (nearly) nothing else: where other batches are clean, most is
# enough, since not every training sample need have been seen. Batches of a few samples tell nothing.
ALL, MOST, CLEAN, FEW, FEWEST = 0.95, 0.5, 0.01, 8, 20


def prints_of(arrays: Iterable[npt.NDArray[np.generic]]) -> Prints:
    """One number for each sample, over all its values in all arrays together. int64 [samples].

    Equal samples have equal numbers wherever they stand in a batch, and others differ but for a chance of 2^-64
    a pair (Python's keyed hash of the bytes). Zero bytes at the end do not count: a sequence that is padded with
    zeros to the longest one of its batch is the same in every batch.
    """
    parts: list[list[int]] = []
    for array in arrays:
        rows = np.ascontiguousarray(array.reshape(len(array), -1))
        parts.append([hash(row.tobytes().rstrip(b"\0")) for row in rows])
    if len(parts) == 1:
        return np.array(parts[0], dtype=np.int64)
    return np.array([hash(together) for together in zip(*parts, strict=True)], dtype=np.int64)


def mixed(prints: Prints) -> npt.NDArray[np.uint64]:
    """Scrambled numbers, so that sums of them stand for the sets that were summed."""
    z = prints.astype(np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def epoch_length(chunks: list[Prints]) -> int | None:
    """Samples in one pass over the data: the shortest beginning that is followed by the same samples in any order.

    Args:
        chunks: the batches, in order; passes begin where a batch begins.
    """
    if len(chunks) < 2:
        return None
    ends = np.cumsum([len(c) for c in chunks])
    sums = np.concatenate(([np.uint64(0)], np.cumsum(mixed(np.concatenate(chunks)))))
    ends = ends[np.isin(2 * ends, ends)]
    found = ends[sums[2 * ends] - sums[ends] == sums[ends]]
    return int(found[0]) if len(found) else None


def repeats(prints: Prints) -> npt.NDArray[np.int64]:
    """Pairs (index of the first, index) of samples that repeat an earlier one. [pairs, 2]."""
    order = np.argsort(prints, kind="stable")
    ordered = prints[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    first = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    pairs = np.stack((first[~new], order[~new]), axis=1)
    return pairs[np.argsort(pairs[:, 1], kind="stable")]


def held_out(train: AbstractSet[int], batches: Sequence[frozenset[int]]) -> list[bool]:
    """Of each batch that is scored, whether it is held out, and no score of training samples made on purpose.

    Where all that is scored is of the training samples, or next to all, every batch counts.

    Args:
        train: fingerprints of the training samples; `batches`: of the samples of each batch.
    """
    shares = [len(train & batch) / max(len(batch), 1) for batch in batches]
    clean: frozenset[int] = frozenset().union(*(b for b, share in zip(batches, shares, strict=True) if share <= CLEAN))
    limit = MOST if len(clean) >= FEWEST else ALL
    kept = [share < limit or len(batch) < FEW for batch, share in zip(batches, shares, strict=True)]
    others: frozenset[int] = frozenset().union(*(b for b, one in zip(batches, kept, strict=True) if one))
    return kept if len(others) >= FEWEST else [True] * len(batches)
