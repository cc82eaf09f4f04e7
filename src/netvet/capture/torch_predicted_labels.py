"""Which labels the script itself makes of the model's outputs in evaluations. Records `predicted_labels`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from netvet.capture.site import Site
from netvet.capture.torch_order import place

MAX_SITES, MAX_CLASSES = 20, 1_000


@dataclass(slots=True)
class _Labels:
    """The labels of one pass, as they were made at one call site."""

    owner: object
    record: dict[str, Any]
    counts: list[int] = field(default_factory=list)


class PredictedLabels:
    """Counts the labels of the last pass at each call site."""

    def __init__(self) -> None:
        self._made: dict[str, _Labels] = {}

    def add(self, labels: torch.Tensor, op: str, site: Site | None, owner: Any) -> None:
        """Count the labels of a batch: yes and no, or class numbers."""
        flat = labels.detach().reshape(-1)
        if flat.is_complex() or not flat.numel():
            return
        flat = flat.long()
        if int(flat.min()) < 0 or int(flat.max()) >= (MAX_CLASSES if op in ("argmax", "max") else 2):
            return
        known = self._made.get(str(site))
        if known is None and len(self._made) >= MAX_SITES:
            return
        if known is None or known.owner is not owner:
            record = {**place(site), "op": op, "phase": owner.record["phase"]}
            known = self._made[str(site)] = _Labels(owner, record)
        more = torch.bincount(flat, minlength=max(len(known.counts), 2)).tolist()
        known.counts = [a + b for a, b in zip(more, known.counts + [0] * (len(more) - len(known.counts)), strict=True)]

    def records(self) -> list[dict[str, Any]]:
        """One record per call site."""
        return [{**made.record, "counts": made.counts} for made in self._made.values()]
