"""Which DataLoaders training and evaluation read, and whether the loop changes samples on their way to the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from netvet.capture.torch_events import Backward, Call, Happening, Session, Step
from netvet.capture.torch_fingerprints import fingerprints
from netvet.capture.torch_tensors import is_plain, tensors_in

# So many samples of each split are followed from the loader to the model: several epochs of a small data set.
MAX_FOLLOWED = 20_000


class LoaderCollector:
    """Keeps the loaders of a run until it has ended, so that their samples can be read again.

    Attributes:
        loaders: of `train` and `val`, the first that each was seen to read; the caller is to clear it.
        followed: by split, of the samples that came from the loader more than once, unchanged: how many there were
            (`again`), and how many of these entered the model with other values than before (`differed`).
    """

    part = "loaders for experiments"

    def __init__(self, session: Session) -> None:
        session.options["loaders"] = self
        self.loaders: dict[str, DataLoader[Any]] = {}
        self.followed = {split: {"again": 0, "differed": 0} for split in ("train", "val")}
        self._entered: dict[str, dict[int, int]] = {"train": {}, "val": {}}
        self._given: tuple[DataLoader[Any], list[torch.Tensor]] | None = None

    def on_loader_batch(self, event: Happening) -> None:
        given = [t for t in tensors_in(event.details["batch"]) if is_plain(t) and t.dim()]
        self._given = (event.subject, given) if isinstance(event.subject, DataLoader) else None

    def on_call_begin(self, event: Call) -> None:
        if self._given is None:
            return
        loader, given = self._given
        split = "train" if event.phase == "train" else "val"
        for before, after in _pairs(given, [t for t in tensors_in([event.args, event.kwargs]) if is_plain(t)]):
            self.loaders.setdefault(split, loader)
            if len(self._entered[split]) < MAX_FOLLOWED:
                self._follow(split, before, after)
            self._given = None  # a batch is followed once
            return

    def _follow(self, split: str, before: torch.Tensor, after: torch.Tensor) -> None:
        known, counts = self._entered[split], self.followed[split]
        prints = [fingerprints([t.detach().reshape(len(t), -1)]).tolist() for t in (before, after)]
        for given, entered in zip(*prints, strict=True):
            if given in known:
                counts["again"] += 1
                counts["differed"] += known[given] != entered
            known.setdefault(given, entered)

    def on_backward_begin(self, _event: Backward) -> None:
        self._given = None

    def on_step_end(self, _event: Step) -> None:
        self._given = None

    def on_sleep(self, _: None) -> None:
        self._given = None

    def on_finish(self, _ended: str) -> None:
        self._given = None
        self._entered = {"train": {}, "val": {}}


def _pairs(given: list[torch.Tensor], entered: list[torch.Tensor]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Tensors of a batch with what became of them: as many samples, and as many values in each."""
    for before in given:
        for after in entered:
            if after.dim() and len(after) == len(before) > 0 and after.numel() == before.numel():
                yield before, after
