"""Data sets behind the loaders: stored samples that change, random numbers that repeat over workers."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from netvet.capture.site import Site
from netvet.capture.source import changing_line
from netvet.capture.torch_batches import BatchTracker, Loader, length
from netvet.capture.torch_events import Happening, Session
from netvet.capture.torch_order import place
from netvet.capture.torch_tensors import Budget, named_tensors
from netvet.capture.torch_workers import Draws, draw, stored_tensors

MAX_ROWS, MAX_ROW_BYTES = 64, 1_000_000
SHARE, GRACE = 0.003, 0.3


@dataclass(slots=True)
class _Store:
    """Some rows of one tensor or array that a data set holds, as they were before the first pass."""

    holder: weakref.ref[Any]
    rows: list[int]
    before: torch.Tensor
    values: int


@dataclass(slots=True)
class _Seen:
    """What was seen of one loader's data set. `sizes`: values per sample of the tensors in its batches."""

    stores: list[_Store]
    sizes: set[int] = field(default_factory=set)
    first_epoch: int | None = None
    changed: int = 0
    drift: float | None = None
    checks: int = 0


def _take(holder: Any, rows: list[int]) -> torch.Tensor:
    if isinstance(holder, torch.Tensor):
        return holder.detach()[torch.tensor(rows, device=holder.device)].cpu().clone()
    return torch.from_numpy(np.array(holder[rows]))


def _store(holder: Any, samples: int) -> _Store | None:
    """The rows to watch, None for what cannot be the samples."""
    if holder.ndim < 1 or len(holder) < 2 or len(holder) < samples // 2:
        return None
    if isinstance(holder, np.ndarray) and holder.dtype.kind not in "fiu":
        return None
    if isinstance(holder, torch.Tensor) and (holder.layout is not torch.strided or holder.device.type == "meta"):
        return None
    values = int(np.prod(holder.shape[1:]))
    size = values * (holder.element_size() if isinstance(holder, torch.Tensor) else holder.itemsize)
    count = min(MAX_ROWS, len(holder), max(MAX_ROW_BYTES // max(size, 1), 1))
    rows = sorted({int(i) for i in np.linspace(0, len(holder) - 1, count)})
    return _Store(weakref.ref(holder), rows, _take(holder, rows), values)


class DatasetCollector:
    """Records `stored_data` and `worker_draws`."""

    part = "data sets"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[str, tuple[Loader, _Seen]] = {}
        self._draws: dict[str, tuple[Loader, Draws]] = {}
        self._budget = Budget(SHARE, GRACE)
        self._ended = False

    def on_loader_iter(self, event: Happening) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        loader = tracker.find(event.subject, event.site)
        subject: DataLoader[Any] = event.subject
        if loader is None or isinstance(subject.dataset, IterableDataset):
            return
        known = self._seen.get(loader.name)
        if known is None:
            with self._budget:
                samples = length(subject.dataset) or 0
                stores = [s for h in stored_tensors(subject.dataset) if (s := _store(h, samples)) is not None]
                self._seen[loader.name] = (loader, _Seen(stores))
            if isinstance(subject, DataLoader) and subject.num_workers > 0:
                drawn = draw(subject)
                if drawn is not None:
                    self._draws[loader.name] = (loader, drawn)
        elif known[1].first_epoch is None and self._budget.left:
            with self._budget:
                _compare(known[1], loader.passes)

    def on_loader_batch(self, event: Happening) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        loader = tracker.current
        if loader is None or loader.drawn > 2:
            return
        known = self._seen.get(loader.name)
        if known is not None:
            tensors = [t for _, t in named_tensors((event.details.get("batch"),), {}) if t.dim() > 0 and len(t)]
            known[1].sizes.update(
                t.numel() // len(t) for t in tensors if t.is_floating_point() or t.dtype is torch.uint8
            )

    def on_finish(self, _ended: str) -> None:
        self._ended = True
        for loader, seen in self._seen.values():
            if seen.first_epoch is None and loader.passes > 1:
                _compare(seen, loader.passes + 1)
            seen.stores.clear()

    def on_report(self, _: None) -> None:
        recorder = self._session.recorder
        stored = [_stored_record(loader, seen) for loader, seen in self._seen.values() if seen.checks]
        if stored:
            recorder.facts("stored_data", stored)
        elif self._ended:
            recorder.missing("stored_data", "no data set with stored tensors was read more than once by a DataLoader")
        drawn = [_draws_record(loader, draws) for loader, draws in self._draws.values()]
        if drawn:
            recorder.facts("worker_draws", drawn)
        elif self._ended:
            recorder.missing(
                "worker_draws", "no DataLoader with workers was used, or its workers could not be repeated"
            )


def _compare(seen: _Seen, epoch: int) -> None:
    """Look whether the rows are still what they were. Rows of zeros may be filled in later: a cache."""
    for store in seen.stores:
        holder = store.holder()
        if store.values not in seen.sizes or holder is None:
            continue  # weights or bookkeeping, not what the batches are made of
        seen.checks += 1
        now, before = _take(holder, store.rows), store.before
        if now.shape != before.shape or now.dtype != before.dtype:
            continue
        flat_now, flat_before = now.reshape(len(now), -1), before.reshape(len(before), -1)
        same = (flat_now == flat_before) | ((flat_now != flat_now) & (flat_before != flat_before))
        rows = ~same.all(1) & (flat_before != 0).any(1)
        if bool(rows.any()) and seen.first_epoch is None:
            difference = (flat_now[rows].double() - flat_before[rows].double()).abs()
            seen.first_epoch, seen.changed = epoch - 1, int(rows.sum())
            seen.drift = float(difference[difference > 0].median()) if bool((difference > 0).any()) else None


def _stored_record(loader: Loader, seen: _Seen) -> dict[str, Any]:
    checked = max((len(s.rows) for s in seen.stores if s.values in seen.sizes), default=MAX_ROWS)
    file, line = loader.places.get("dataset_file"), loader.places.get("dataset_line")
    change = changing_line(file, line) if file and line else None
    return {
        **place(Site(file, change) if file and change else None, "change_"),
        "loader": loader.name, **place(loader.site), **loader.places, "checked": max(checked, seen.changed),
        "changed": seen.changed, "first_epoch": seen.first_epoch, "drift": seen.drift,
    }  # fmt: skip


def _draws_record(loader: Loader, draws: Draws) -> dict[str, Any]:
    return {
        "loader": loader.name, **place(loader.site), **loader.places, "repeated": draws.repeated, "kind": draws.kind,
        "numpy_state_equal": draws.numpy_state_equal, "same_augmentation_every_epoch": draws.same_every_epoch,
    }  # fmt: skip
