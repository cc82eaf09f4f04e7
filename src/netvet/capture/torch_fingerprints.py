"""Fingerprints of single samples in PyTorch's tensors."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from netvet.capture.fingerprints import Prints, prints_of
from netvet.capture.torch_tensors import is_plain


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
    """One number for each sample, over all its values in all tensors together; see `prints_of`. int64 [samples]."""
    return prints_of([tensor.contiguous().cpu().view(torch.uint8).numpy() for tensor in rows])
