"""Which batch a model call works on: its inputs, its size, the loader that it came from. Records `loaders`."""

from __future__ import annotations

import statistics
import weakref
from collections.abc import Sized
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from torch.utils.data.distributed import DistributedSampler

from netvet.capture.site import Site, _kind, _shown
from netvet.capture.torch_events import Backward, Call, Happening, Session, Step
from netvet.capture.torch_order import place
from netvet.capture.torch_origins import origins_of
from netvet.capture.torch_tensors import named_tensors

MAX_LOADERS = 200
# Stands for the model in scripts that have none: their nets are plain functions.
FUNCTIONS = "(functions)"
_IDENTITY = ("file", "line", "dataset", "samples", "batch_size", "sampler")


def length(thing: Any) -> int | None:
    """len(thing), None where it has none."""
    try:
        return len(thing) if isinstance(thing, Sized) else None
    except Exception:  # IterableDataset and samplers of unknown length raise what they like
        return None


@dataclass(slots=True, eq=False)
class Loader:
    """A DataLoader that was iterated; one that is made anew for every epoch counts as one.

    Attributes:
        passes: times iterated; `drawn`: batches that were seen in all, `index`: batches given in this pass.
        calls: model calls on the present batch.
    """

    name: str
    site: Site | None
    reference: weakref.ref[DataLoader[Any]]
    record: dict[str, Any]
    replacement: bool
    passes: int = 0
    drawn: int = 0
    index: int = 0
    phases: set[str] = field(default_factory=set)
    epochs_set: set[Any] = field(default_factory=set)

    @property
    def places(self) -> dict[str, Any]:
        """Where it was made, and where its data set reads a sample."""
        return {k: v for k, v in self.record.items() if k.startswith(("created_", "dataset_"))}

    def size(self, index: int) -> int | None:
        """Samples in the batch of this index (from 0), where the sampler's arithmetic tells."""
        batch, samples = self.record["batch_size"], self.record["samples"]
        if not batch or samples is None or self.record["sampler_samples"] is None:
            return batch if isinstance(batch, int) else None
        return max(min(batch, int(self.record["sampler_samples"]) - index * batch), 0) or None


@dataclass(slots=True, eq=False, weakref_slot=True)
class Batch:
    """The model call that was made last, as far as its data are concerned.

    Attributes:
        inputs: name of the argument -> tensor, for the tensors that the model did not compute itself.
        axis: axis of the samples; `size`: their number.
        fresh: the first call on this batch of the loader.
        repeat: number of the call on this batch of the loader, from 1.
    """

    model: str
    module: weakref.ref[torch.nn.Module]
    path: str
    phase: str
    site: Site | None
    inputs: dict[str, torch.Tensor]
    axis: int
    size: int | None
    loader: Loader | None
    index: int
    repeat: int

    @property
    def trains(self) -> bool:
        """Gradients are on."""
        return self.phase in ("train", "eval-mode-grad")


class BatchTracker:
    """Keeps `batch`, the present one, for other collectors; records `loaders`."""

    part = "loaders"
    dormant = ("loader_iter",)

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["batches"] = self
        self.batch: Batch | None = None
        self.current: Loader | None = None
        self.loaders: list[Loader] = []
        self._by_id: dict[int, Loader] = {}
        self._calls = 0
        self._counted = (-1, -1)
        self._consumer = ""

    def on_loader_iter(self, event: Happening) -> None:
        loader = self.find(event.subject, event.site)
        if loader is not None:
            loader.passes += 1
            loader.index = 0
            sampler = event.subject.sampler
            if isinstance(sampler, DistributedSampler):
                loader.epochs_set.add(sampler.epoch)

    def on_loader_batch(self, event: Happening) -> None:
        loader = self._by_id.get(id(event.subject))
        if loader is not None:
            loader.index = event.details["index"]
            loader.drawn += 1
            self.current, self._calls = loader, 0

    def find(self, subject: DataLoader[Any], site: Site | None = None) -> Loader | None:
        """What is known of a loader; it is made known at its first pass."""
        known = self._by_id.get(id(subject))
        if known is not None and known.reference() is subject:
            return known
        record = describe_loader(subject, site) | self._made(subject)
        for other in self.loaders:
            same = all(record[k] == other.record[k] for k in _IDENTITY)
            if same and _is_replaced(other.reference(), subject):
                other.reference = weakref.ref(subject)
                self._by_id[id(subject)] = other
                return other
        if len(self.loaders) >= MAX_LOADERS:
            return None
        taken = sum(o.name.partition("#")[0] == str(site) for o in self.loaders)
        name = f"{site}#{taken + 1}" if taken else str(site)
        loader = Loader(name, site, weakref.ref(subject), record, draws_again(subject.sampler))
        self.loaders.append(loader)
        self._by_id[id(subject)] = loader
        return loader

    def _made(self, subject: DataLoader[Any]) -> dict[str, Any]:
        """Where the loader was made, and where its data set says how a sample is read."""
        made, read = origins_of(self._session).loaders.get(subject), reading_site(subject.dataset)
        return {**place(made, "created_"), **place(read, "dataset_")}

    def on_call_begin(self, event: Call) -> None:
        self.batch = None
        loader = self._loader_of(event)
        if loader is not None:
            self._calls += 1
            loader.phases.add("train" if event.phase == "train" else "eval")
        inputs = {n: t for n, t in named_tensors(event.args, event.kwargs) if not t.requires_grad or t.is_leaf}
        axis = batch_axis(inputs, loader)
        first = next((t for t in inputs.values() if t.dim() > axis), None)
        self.batch = Batch(
            model=self._session.models.name(event.model),
            module=weakref.ref(event.model),
            path="" if event.module is event.model else _path(event.model, event.module),
            phase=event.phase,
            site=event.site,
            inputs=inputs,
            axis=axis,
            size=None if first is None else int(first.shape[axis]),
            loader=loader,
            index=loader.index - 1 if loader is not None else -1,
            repeat=self._calls if loader is not None else 1,
        )

    def _loader_of(self, event: Call) -> Loader | None:
        """The loader whose batch was drawn since the last call, or is still worked on in the same phase."""
        if self.current is None:
            return None
        consumer = "train" if event.phase in ("train", "eval-mode-grad") else "eval"
        if self._calls == 0:
            self._consumer = consumer
        return self.current if consumer == self._consumer else None

    def on_backward_begin(self, _event: Backward) -> None:
        self.batch = None

    def on_step_end(self, _event: Step) -> None:
        self.batch = None

    def on_finish(self, _ended: str) -> None:
        self.batch = None

    def on_report(self, _: None) -> None:
        self._session.recorder.facts("loaders", [_record(loader) for loader in self.loaders])


def _record(loader: Loader) -> dict[str, Any]:
    phases = loader.phases
    record = {k: v for k, v in loader.record.items() if k != "sampler_samples"}
    record |= {"name": loader.name, "epochs": loader.passes, "batches_drawn": loader.drawn}
    record["phase"] = "both" if len(phases) > 1 else next(iter(phases), None)
    if record["distributed_sampler"]:
        record["set_epoch_called"] = len(loader.epochs_set) > 1 or loader.epochs_set not in (set(), {0})
    return record


def _is_replaced(before: DataLoader[Any] | None, now: DataLoader[Any]) -> bool:
    """The loader is made anew in each epoch; the one before is gone, or is kept by somebody and reads the same."""
    if before is None:
        return True
    whole = all(isinstance(one.sampler, (SequentialSampler, RandomSampler)) for one in (before, now))
    return whole and before.dataset is now.dataset and before.collate_fn is now.collate_fn


def describe_loader(loader: DataLoader[Any], site: Site | None) -> dict[str, Any]:
    """What a DataLoader is set to."""
    sampler = (
        loader.sampler if loader.batch_sampler is None else getattr(loader.batch_sampler, "sampler", loader.sampler)
    )
    batch = loader.batch_size or getattr(loader.batch_sampler, "batch_size", None)
    return {
        **place(site), "dataset": type(loader.dataset).__name__, "samples": length(loader.dataset),
        "sampler_samples": length(sampler), "batch_size": batch if isinstance(batch, int) else None,
        "batches": length(loader), "shuffled": shuffles(sampler), "sampler": type(sampler).__name__,
        "drop_last": bool(getattr(loader.batch_sampler, "drop_last", loader.drop_last)), "workers": loader.num_workers,
        "worker_init": loader.worker_init_fn is not None, "persistent_workers": loader.persistent_workers,
        "iterable": isinstance(loader.dataset, IterableDataset),
        "distributed_sampler": isinstance(sampler, DistributedSampler), "set_epoch_called": None,
    }  # fmt: skip


def reading_site(dataset: Any) -> Site | None:
    """The user's own line that defines how a sample is read, behind subsets and concatenations."""
    for _ in range(5):
        inner = getattr(dataset, "dataset", None) or next(iter(getattr(dataset, "datasets", None) or ()), None)
        read = getattr(type(dataset), "__iter__" if isinstance(dataset, IterableDataset) else "__getitem__", None)
        code = getattr(read, "__code__", None)
        if code is not None and _kind(code.co_filename) == 0:
            return Site(_shown(code.co_filename), code.co_firstlineno)
        if inner is None:
            return None
        dataset = inner
    return None


def shuffles(sampler: Any) -> bool | None:
    """Whether a sampler gives a random order; None for one that is not PyTorch's."""
    if isinstance(sampler, (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)):
        return True
    if isinstance(sampler, DistributedSampler):
        return bool(sampler.shuffle)
    return False if isinstance(sampler, SequentialSampler) else None


def draws_again(sampler: Any) -> bool:
    """Whether a sampler may give a sample more than once in a pass (or may, for all that is known)."""
    if isinstance(sampler, (RandomSampler, WeightedRandomSampler)):
        return bool(sampler.replacement)
    return not isinstance(sampler, (SequentialSampler, SubsetRandomSampler, DistributedSampler))


def batch_axis(inputs: dict[str, torch.Tensor], loader: Loader | None) -> int:
    """Axis of the samples: the first, unless only the second has the size of the loader's batch."""
    first = next((t for t in inputs.values() if t.dim() > 0), None)
    size = loader.size(loader.index - 1) if loader is not None else None
    if first is None or size is None or first.dim() < 2:
        return 0
    return 1 if first.shape[0] != size and first.shape[1] == size else 0


def _path(model: torch.nn.Module, module: torch.nn.Module) -> str:
    return next((name for name, child in model.named_modules() if child is module), "")


def median(values: list[int]) -> float | None:
    """The median, None of nothing."""
    return float(statistics.median(values)) if values else None
