"""Batches of a DataLoader as they reach the loop: some who read it (accelerate, Lightning) are one batch ahead.

They draw the next batch before they give the present one, to know the last when it comes. Who does so is found by its
batches: two are drawn without a model call between them, and the call that follows gets the first of the two.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from netvet.capture.site import user_site
from netvet.capture.torch_events import Call, Happening, LossCall, Session
from netvet.capture.torch_patch import Patches
from netvet.capture.torch_taps_loop import after
from netvet.capture.torch_tensors import is_plain, tensors_in


@dataclass(slots=True)
class _Drawn:
    """A batch, and how many of its pass were drawn up to it."""

    batch: Any
    index: int


@dataclass(slots=True, eq=False)
class _Pass:
    """One pass over a loader.

    Attributes:
        loader: gives the loader; see `LoaderTap.started`.
        told: the newest batch that was told of, while the next one is waited for; `held`: the one drawn after it.
        ahead: its reader draws a batch before it gives the one before; None where that is not known yet.
        used: a model was called since the newest batch was drawn.
    """

    loader: Callable[[], Any]
    told: _Drawn | None = None
    held: _Drawn | None = None
    ahead: bool | None = None
    used: bool = False


class LoaderTap:
    """Emits loader_iter for each pass over a DataLoader, and loader_batch for each batch that the loop gets."""

    part = "loader batches"

    def __init__(self, session: Session) -> None:
        self._session = session
        # A loader that is made in the head of a loop lives no longer than that: its iterator keeps it here. One with
        # persistent workers keeps its iterator itself, so that both would live for ever.
        self._passes: weakref.WeakKeyDictionary[Any, _Pass] = weakref.WeakKeyDictionary()
        self._ahead: weakref.WeakSet[Any] = weakref.WeakSet()
        self._newest: weakref.ref[Any] | None = None

    def install(self, patches: Patches) -> None:
        """Put the taps in."""
        after(patches, self._session, DataLoader, "__iter__", self._started)
        guard = self._session.recorder.guard
        drawn, ended = guard("loader batches", self._drawn), guard("loader batches", self._ended)

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def following(iterator: Any) -> Any:
                if self._session.asleep or not self._session.recorder.here:
                    return original(iterator)
                try:
                    batch = original(iterator)
                except StopIteration:
                    ended(iterator)
                    raise
                drawn(iterator, batch)
                return batch

            return following

        patches.wrap(_BaseDataLoaderIter, "__next__", make, rests=True)

    def _started(self, result: Any, args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[str, Happening]:
        loader = args[0]
        reference = weakref.ref(loader) if loader.persistent_workers else lambda: loader
        self._passes[result] = _Pass(reference, ahead=True if loader in self._ahead else None)
        return "loader_iter", Happening(loader, user_site(), {"iterator": result})

    def _drawn(self, iterator: Any, batch: Any) -> None:
        found = self._passes.get(iterator)
        if found is None:
            return
        self._newest = weakref.ref(iterator)
        new = _Drawn(batch, iterator._num_yielded)
        if found.ahead:
            # What was drawn while nobody listened is not known, but that it is given now.
            self._tell(found, found.held or _Drawn(None, new.index - 1))
            found.held = new
        elif found.ahead is None and found.told is not None and not found.used:
            self._tell(found, found.held)
            found.held = new
        else:
            self._tell(found, found.held)
            self._tell(found, new)
        found.used = False

    def _ended(self, iterator: Any) -> None:
        found = self._passes.get(iterator)
        if found is not None:
            self._tell(found, found.held)

    def _tell(self, found: _Pass, batch: _Drawn | None) -> None:
        loader = found.loader()
        if batch is None or loader is None or not batch.index:
            return
        found.told, found.held = batch if found.ahead is None else None, None
        self._session.emit("loader_batch", Happening(loader, None, {"batch": batch.batch, "index": batch.index}))

    def on_call_begin(self, event: Call) -> None:
        """Which of two batches that were drawn one after the other enters the model?"""
        found = self._open()
        if found is not None:
            found.used = True
            if found.held is None:
                found.told = None
            elif found.ahead is None:
                self._decide(found, [event.args, event.kwargs])

    def on_loss(self, event: LossCall) -> None:
        """Where the loop changes the inputs, the labels tell."""
        found = self._open()
        if found is not None and found.ahead is None and found.held is not None:
            self._decide(found, [event.target])
            if found.ahead is None:
                found.ahead = False
                self._tell(found, found.held)

    def _decide(self, found: _Pass, used: Any) -> None:
        seen, loader = [t for t in tensors_in(used) if is_plain(t)], found.loader()
        before, newest = (_held_by(b, seen) for b in (found.told, found.held))
        # What both hold (a mask of ones, say) tells nothing.
        if before - newest and not newest - before and loader is not None:
            found.ahead = True
            found.told = None
            self._ahead.add(loader)
        elif newest - before:
            found.ahead = False
            self._tell(found, found.held)

    def _open(self) -> _Pass | None:
        iterator = self._newest() if self._newest is not None else None
        return self._passes.get(iterator) if iterator is not None else None

    def on_sleep(self, _: None) -> None:
        """What is drawn from now on is not seen."""
        for found in self._passes.values():
            found.told = found.held = None

    on_finish = on_sleep


def _held_by(drawn: _Drawn | None, seen: list[torch.Tensor]) -> set[int]:
    """Which of these tensors the batch holds, themselves or as copies of equal numbers."""
    given = [t for t in tensors_in(drawn.batch) if is_plain(t) and t.dim()] if drawn is not None else []
    return {number for number, one in enumerate(seen) if any(_same(a, one) for a in given)}


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.numel() != b.numel() or a.dtype != b.dtype or not a.numel():
        return False
    if a.device == b.device and a.data_ptr() == b.data_ptr():
        return True
    return a.shape == b.shape and torch.equal(a.detach().cpu(), b.detach().cpu())
