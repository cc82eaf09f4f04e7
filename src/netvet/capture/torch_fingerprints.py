"""Exact fingerprints of single samples, and what sequences of them tell about epochs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from netvet.capture.torch_tensors import is_plain

Prints = npt.NDArray[np.int64]


def rows_of(tensors: Iterable[torch.Tensor], axis: int, size: int) -> list[torch.Tensor]:
    """Those tensors that have one entry for each sample, samples first, flat: [size, values]."""
    mine = [t for t in tensors if is_plain(t) and t.dim() > axis and t.shape[axis] == size and t.numel()]
    return [t.detach().movedim(axis, 0).reshape(size, -1) for t in mine]


class Transfer:
    """Rows on their way from an accelerator to the host; nobody waits for them unless they are asked for early.

    Rows that are on the host are there at once; they are not copied, and must be used before the caller goes on.
    """

    def __init__(self, rows: list[torch.Tensor]) -> None:
        self.size = len(rows[0])
        self._event: torch.cuda.Event | None = None
        if any(r.is_cuda for r in rows):
            pinned = [torch.empty(r.shape, dtype=r.dtype, pin_memory=True) for r in rows]
            self._rows = [place.copy_(r, non_blocking=True) for place, r in zip(pinned, rows, strict=True)]
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()
        else:
            self._rows = rows

    @property
    def arrived(self) -> bool:
        """They can be read without waiting."""
        return self._event is None or bool(self._event.query())  # type: ignore[no-untyped-call]

    def rows(self) -> list[torch.Tensor]:
        """The rows, on the host; once, as they are let go of then."""
        if self._event is not None:
            self._event.synchronize()
        rows, self._rows = self._rows, []
        return rows


def fingerprints(rows: list[torch.Tensor]) -> Prints:
    """One number for each sample, over all its values in all tensors together. int64 [samples].

    Equal samples have equal numbers wherever they stand in a batch, and others differ but for a chance of 2^-64
    a pair (Python's keyed hash of the bytes). Zero bytes at the end do not count: a sequence that is padded with
    zeros to the longest one of its batch is the same in every batch.
    """
    parts: list[list[int]] = []
    for tensor in rows:
        data = tensor.contiguous().cpu().view(torch.uint8).numpy()
        parts.append([hash(row.tobytes().rstrip(b"\0")) for row in data])
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
