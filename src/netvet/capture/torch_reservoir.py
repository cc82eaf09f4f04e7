"""A bounded random selection of training and evaluation samples with their targets, for looks at the end of the run."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from netvet.capture.torch_batches import Batch, BatchTracker
from netvet.capture.torch_evaluations import EvaluationCollector
from netvet.capture.torch_events import Backward, Call, LossCall, Session
from netvet.capture.torch_losses import loss_phase
from netvet.capture.torch_tensors import Budget, is_contrastive, is_plain, tensors_in

MAX_TRAIN, MAX_EVAL = 2_048, 1_024
# Bytes of samples kept in all, training samples first.
TRAIN_BYTES, EVAL_BYTES = 48 * 2**20, 16 * 2**20
# Calls that are offered to the selection in any case; later ones on deep steps.
FIRST_CALLS = 200
SHARE, GRACE = 0.005, 0.15


@dataclass(frozen=True, slots=True)
class Slot:
    """Stands for a tensor among the arguments of a call."""

    name: str


def template(value: Any, name: str = "") -> Any:
    """Arguments of a call with slots in place of the tensors, named as `named_tensors` names them.

    Raises:
        ValueError: there is something among them that cannot be kept.
    """
    if isinstance(value, torch.Tensor):
        return Slot(name)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if type(value) in (tuple, list):
        return type(value)(template(v, f"{name}.{i}" if name else str(i)) for i, v in enumerate(value))
    if type(value) is dict:
        return {k: template(v, f"{name}.{k}" if name else str(k)) for k, v in value.items()}
    raise ValueError(f"the model is called with a {type(value).__name__}")


def filled(value: Any, rows: Callable[[Slot], torch.Tensor]) -> Any:
    """The template with tensors in its slots."""
    if isinstance(value, Slot):
        return rows(value)
    if isinstance(value, dict):
        return {k: filled(v, rows) for k, v in value.items()}
    return type(value)(filled(v, rows) for v in value) if isinstance(value, (tuple, list)) else value


@dataclass(slots=True)
class Sink:
    """The loss that a model's output goes into: enough to compute it again for other inputs.

    Args:
        call: the arguments of the model, with slots for tensors.
        output: which of the output's tensors the loss takes (its shape may differ from the loss's input).
        tail: shape of the loss's input for one sample.
    """

    call: tuple[Any, Any]
    site: str
    function: str
    arguments: dict[str, Any]
    output: int
    tail: tuple[int, ...]


@dataclass(slots=True)
class Kept:
    """Selected samples of one split: tensors with one row for each sample.

    Attributes:
        inputs: name of the argument -> rows; `fixed` the arguments that are the same for all samples.
        reason: why nothing could be kept.
    """

    limit: int
    inputs: dict[str, torch.Tensor] = field(default_factory=dict)
    targets: torch.Tensor | None = None
    count: int = 0
    seen: int = 0
    batch: int = 0
    calls: int = 0
    kind: str | None = None
    function: str = ""
    loader: str | None = None
    sink: Sink | None = None
    reason: str | None = None


class Reservoir:
    """Keeps the selection; other collectors find it in the session's options."""

    part = "selection of samples"

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["reservoir"] = self
        self.train, self.eval = Kept(MAX_TRAIN), Kept(MAX_EVAL)
        self.model: weakref.ref[torch.nn.Module] | None = None
        self.call: tuple[str, str] | None = None
        self._random = np.random.default_rng(0)
        self._budget = Budget(SHARE, GRACE)
        self._outputs: list[tuple[weakref.ref[torch.Tensor], int, int]] = []
        # Not its id, which the next one may get.
        self._offered: weakref.ref[Batch] | None = None
        self._call: tuple[Any, Any] | None = None

    def on_call_end(self, event: Call) -> None:
        self._outputs = []
        if self.train.targets is not None and (event.phase == "train" or self.eval.targets is not None):
            return  # what the outputs are needed for is known
        try:
            self._call = template(event.args), template(event.kwargs)
        except ValueError:
            self._call = None
        for tensor in tensors_in(event.output):
            pointer = tensor.untyped_storage().data_ptr() if is_plain(tensor) else -1
            self._outputs.append((weakref.ref(tensor), pointer, tensor.numel()))
            if len(self._outputs) >= 8:
                break

    def on_backward_begin(self, _event: Backward) -> None:
        self._outputs = []

    def on_loss(self, event: LossCall) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        batch = tracker.batch
        if batch is None or not batch.size or batch.path or not is_plain(event.target) or event.target.dim() == 0:
            return
        if event.own_target:
            return
        if is_contrastive(event.function, event.input, event.target):
            self.train.reason = self.eval.reason = "the samples of a batch are each other's classes"
            return
        if batch.axis:
            self.train.reason = self.eval.reason = "the samples are not along the first axis"
            return
        train = loss_phase(event, batch) == "train"
        kept = self.train if train else self.eval
        if kept.reason is not None or self._was_offered(batch) or batch.repeat > 1:
            return
        if not train and not self._is_evaluation(batch):
            return
        kept.calls += 1
        if not self._budget.left or (kept.calls > FIRST_CALLS and not (self._session.deep and train)):
            return
        if self.call is not None and (batch.model, event.function) != self.call:
            return  # one model and one loss only
        self._offered = weakref.ref(batch)
        with self._budget:
            self._offer(kept, batch, event, train)

    def _was_offered(self, batch: Batch) -> bool:
        return self._offered is not None and self._offered() is batch

    def _is_evaluation(self, batch: Batch) -> bool:
        """Not a score on the training data; one pass of one loader is enough."""
        evaluations: EvaluationCollector = self._session.options["evaluations"]
        if evaluations.current is None or self.train.targets is None:
            return False
        if batch.loader is None:
            return True
        if "train" in batch.loader.phases or self.eval.loader not in (None, batch.loader.name):
            return False
        self.eval.loader = batch.loader.name
        return batch.loader.passes <= 1

    def _offer(self, kept: Kept, batch: Batch, event: LossCall, train: bool) -> None:
        size, target = batch.size or 0, event.target.detach()
        if target.shape[0] != size or event.input.shape[0] != size:
            kept.reason = "the loss does not have one target for each sample"
            return
        rows = self._rows(kept, batch, size)
        if rows is None:
            return
        if kept.targets is None:
            self._begin(kept, batch, event, rows, train)
        targets = kept.targets
        if targets is None or targets.shape[1:] != target.shape[1:]:
            kept.reason = "the targets of the samples differ in shape"
            return
        places: dict[int, int] = {}  # where -> which row; of two for one place the later stays
        for row in range(size):
            place = kept.count if kept.count < len(targets) else int(self._random.integers(0, kept.seen + 1))
            kept.seen += 1
            if place < len(targets):
                kept.count = max(kept.count, place + 1)
                places[place] = row
        if places:
            where, which = torch.tensor(list(places)), torch.tensor(list(places.values()), device=target.device)
            targets[where] = target[which].cpu()
            for name, values in rows.items():
                kept.inputs[name][where] = values[which.to(values.device)].cpu()

    def _rows(self, kept: Kept, batch: Batch, size: int) -> dict[str, torch.Tensor] | None:
        """The inputs, samples first; None where they cannot be stacked."""
        found = {}
        for name, tensor in batch.inputs.items():
            if not is_plain(tensor) or tensor.dim() <= batch.axis or tensor.shape[batch.axis] != size:
                kept.reason = f"argument {name} of the model has no row for each sample"
                return None
            found[name] = tensor.detach()
        if any(t.dim() == 3 and t.shape[0] == t.shape[1] for t in found.values()):
            kept.reason = "a batch has as many samples as positions: it cannot be told along which axis the samples are"
        elif kept.inputs and any(
            n not in kept.inputs or kept.inputs[n].shape[1:] != t.shape[1:] for n, t in found.items()
        ):
            kept.reason = "the samples differ in shape"
        return None if kept.reason else found

    def _begin(self, kept: Kept, batch: Batch, event: LossCall, rows: dict[str, torch.Tensor], train: bool) -> None:
        per_sample = sum(
            t.numel() // t.shape[0] * t.element_size() for t in (*rows.values(), event.target) if t.shape[0]
        )
        limit = min(kept.limit, (TRAIN_BYTES if train else EVAL_BYTES) // max(per_sample, 1))
        if limit < 16:
            kept.reason = f"single samples are too large to keep ({per_sample / 2**20:.0f} MiB)"
            return
        kept.inputs = {n: torch.zeros((limit, *t.shape[1:]), dtype=t.dtype) for n, t in rows.items()}
        kept.targets = torch.zeros((limit, *event.target.shape[1:]), dtype=event.target.dtype)
        kept.batch, kept.function = batch.size or 1, event.function
        kept.sink = self._sink(event)
        if train:
            self.model, self.call = batch.module, (batch.model, event.function)

    def _sink(self, event: LossCall) -> Sink | None:
        """Where the loss's input comes from, if it is an output of the model as it is or reshaped."""
        if self._call is None:
            return None
        pointer = event.input.untyped_storage().data_ptr()
        for index, (reference, storage, size) in enumerate(self._outputs):
            if reference() is event.input or (storage == pointer and size == event.input.numel()):
                names = [k for k in event.arguments if k not in ("input", "target")]
                kept = {k: _own(event.arguments[k]) for k in names}
                tail = tuple(event.input.shape[1:])
                return Sink(self._call, str(event.site or "?"), event.function, kept, index, tail)
        return None

    def on_finish(self, _ended: str) -> None:
        self._outputs = []


def _own(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, torch.Tensor) else value
