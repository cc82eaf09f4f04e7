"""Which data sets a run reads, what of their batches enters the model, and what the losses compare with."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch.utils.data import DataLoader

from netvet.capture.torch_batches import describe_loader
from netvet.capture.torch_events import Backward, Call, Happening, LossCall, Session, Step
from netvet.capture.torch_fields import compared, entered, fields, same
from netvet.capture.torch_tensors import is_plain, named_tensors, tensors_in

MAX_LOADERS = 16
# Batches of a loader whose way to the model and the loss is followed: what is true of these is true of all.
FOLLOWED = 8
MAX_FRAMES = 50
# Samples that are kept as they entered the model, to be looked at, and bytes of each split.
SHOWN, SHOWN_BYTES = 32, 16 * 2**20


@dataclass(eq=False)
class ReadLoader:
    """A DataLoader of the run, without the loader itself: programs make a new one in every epoch.

    Attributes:
        names: variables that hold it, the innermost first.
        phases: `train` and `eval`, as far as models were called on its batches.
        inputs, target: names of the parts of a batch (see `torch_fields`).
        unchanged: parts entered the model with the numbers that the loader gave.
        forms: of the parts of a batch.
        slots: arguments of the model -> part of a batch that enters there as it is, and its type on arrival.
        aimed: type and shape of the target of one sample, as the loss took it.
        shown: some samples as they entered the model; `facts`: parts of the batch with one number for each of these.
    """

    reference: weakref.ref[DataLoader[Any]]
    dataset: Any
    sampler: Any
    batch_sampler: Any
    collate: Any
    generator: Any
    identity: tuple[Any, ...]
    names: tuple[str, ...]
    phases: set[str] = field(default_factory=set)
    inputs: list[str] = field(default_factory=list)
    target: str | None = None
    unchanged: bool = True
    forms: dict[str, tuple[int, ...]] = field(default_factory=dict)
    slots: dict[str, tuple[str, torch.dtype]] = field(default_factory=dict)
    aimed: tuple[torch.dtype, tuple[int, ...]] | None = None
    shown: torch.Tensor | None = None
    facts: dict[str, torch.Tensor] = field(default_factory=dict)
    passes: int = 0
    whole: bool = False
    batches: int = 0

    @classmethod
    def of(cls, loader: DataLoader[Any], names: tuple[str, ...], site: Any = None) -> ReadLoader:
        """What is kept of a loader."""
        record = describe_loader(loader, site)
        wanted = ("file", "line", "dataset", "samples", "sampler_samples", "batch_size", "sampler")
        return cls(
            weakref.ref(loader), loader.dataset, loader.sampler, loader.batch_sampler, loader.collate_fn,
            loader.generator, tuple(record[k] for k in wanted), names,
        )  # fmt: skip


class ReadLoaders:
    """Keeps what is needed to read the data of a run again after its end.

    Attributes:
        found: the loaders, in the order of their first pass.
    """

    part = "data sets to read"
    dormant = ("loader_iter",)

    def __init__(self, session: Session) -> None:
        session.options["read loaders"] = self
        self.found: list[ReadLoader] = []
        self._given: tuple[ReadLoader, dict[str, torch.Tensor]] | None = None

    @property
    def given(self) -> bool:
        """The present batch came from a loader."""
        return self._given is not None

    def on_loader_iter(self, event: Happening) -> None:
        loader = event.subject
        known = self._known(loader)
        if known is None:
            made = ReadLoader.of(loader, names_of(loader), event.site)
            known = next((o for o in self.found if o.identity == made.identity and o.reference() is None), None)
            if known is not None:
                known.reference = made.reference
            elif len(self.found) < MAX_LOADERS:
                self.found.append(made)
                known = made
        if known is not None:
            known.whole = known.whole or known.passes > 0
            known.passes += 1

    def _known(self, loader: Any) -> ReadLoader | None:
        return next((one for one in self.found if one.reference() is loader), None)

    def on_loader_batch(self, event: Happening) -> None:
        known = self._known(event.subject)
        self._given = None
        if known is None:
            return
        known.batches += 1
        with suppress(TypeError):  # an iterable data set does not know how long it is
            known.whole = known.whole or event.details["index"] >= len(event.subject)
        followed = known.batches <= FOLLOWED or not known.phases
        self._given = known, fields(event.details["batch"]) if followed else {}

    def on_call_begin(self, event: Call) -> None:
        if self._given is None:
            return
        known, given = self._given
        seen = [t for t in tensors_in([event.args, event.kwargs]) if is_plain(t)]
        if not given:
            return
        inputs, unchanged = entered(given, seen)
        if inputs:
            known.phases.add("train" if event.phase in ("train", "eval-mode-grad") else "eval")
            known.inputs += [name for name in inputs if name not in known.inputs]
            known.unchanged = known.unchanged and unchanged
            known.forms = {name: tuple(part.shape[1:]) for name, part in given.items()}
            if event.phase == "train" and not known.slots:
                known.slots = _slots(event, given)
            if known.shown is None:
                _show(known, given, seen)

    def on_loss(self, event: LossCall) -> None:
        if self._given is None or event.own_target or not is_plain(event.target):
            return
        known, given = self._given
        if given and known.target is None:
            known.target = compared(given, event.target)
            part = given.get(known.target or "")
            if part is not None and part.numel() == event.target.numel() and len(part) == len(event.target):
                known.aimed = event.target.dtype, tuple(event.target.shape[1:])
        if given and not known.phases:  # a net of plain functions
            known.phases.add("train" if event.grad else "eval")
            known.forms = {name: tuple(part.shape[1:]) for name, part in given.items()}

    def on_backward_begin(self, _event: Backward) -> None:
        self._given = None

    def on_step_end(self, _event: Step) -> None:
        self._given = None

    def on_sleep(self, _: None) -> None:
        self._given = None

    def on_finish(self, _ended: str) -> None:
        self._given = None

    def look_round(self) -> None:
        """Make loaders known that are held by variables and have not been read yet: a test set comes last."""
        for name, loader in _loaders_in_sight():
            if self._known(loader) is None and not self._remade(name) and len(self.found) < MAX_LOADERS:
                self.found.append(ReadLoader.of(loader, (name,)))

    def _remade(self, name: str) -> bool:
        """The variable held a loader that was read and is gone: what it holds now is of the next fold."""
        return any(one.reference() is None and one.phases and name in one.names for one in self.found)


def _slots(event: Call, given: dict[str, torch.Tensor]) -> dict[str, tuple[str, torch.dtype]]:
    """Which part of the batch is which argument of the model."""
    named = [(name, t) for name, t in named_tensors(event.args, event.kwargs) if is_plain(t)]
    found = {name: next((n for n, part in given.items() if same(part, t)), None) for name, t in named}
    return {name: (found[name] or "", t.dtype) for name, t in named} if all(found.values()) else {}


def _show(known: ReadLoader, given: dict[str, torch.Tensor], seen: list[torch.Tensor]) -> None:
    """Keep some samples of what has just entered: of the tensor with most numbers, that is what a sample is."""
    size = len(given[known.inputs[0]])
    rows = [t for t in seen if t.dim() and len(t) == size and not t.is_complex()]
    if rows:
        largest = max(rows, key=lambda t: t.numel())
        count = min(SHOWN, max(1, SHOWN_BYTES // max(1, largest[0].numel() * largest.element_size())))
        known.shown = largest[:count].detach().cpu().clone()
        single = {name: part for name, part in given.items() if part.numel() == size == len(part)}
        known.facts = {name: part[:count].detach().reshape(-1).cpu().clone() for name, part in single.items()}


def names_of(thing: Any) -> tuple[str, ...]:
    """Variables of the running functions that hold it, the innermost first."""
    return tuple(name for frame in _frames() for name, value in list(frame.f_locals.items()) if value is thing)


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    for _ in range(MAX_FRAMES):
        if frame is None:
            return
        if not frame.f_globals.get("__name__", "").startswith(("netvet.", "torch.")):
            yield frame
        frame = frame.f_back


def _loaders_in_sight() -> Iterator[tuple[str, DataLoader[Any]]]:
    main = vars(sys.modules["__main__"]) if "__main__" in sys.modules else {}
    for variables in (*(frame.f_locals for frame in _frames()), main):
        for name, value in list(variables.items()):
            parts = value.items() if isinstance(value, dict) and len(value) < MAX_LOADERS else [(name, value)]
            yield from ((str(key), one) for key, one in parts if isinstance(one, DataLoader))
