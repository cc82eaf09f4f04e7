"""Whether the trained model uses its input: its loss with real, shuffled and zeroed ones. Records `input_ablation`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from netvet.capture.torch_copies import copies_at_work, separate_copy
from netvet.capture.torch_events import LossCall, Session, Step
from netvet.capture.torch_models import unwrapped
from netvet.capture.torch_probe_tools import module_outputs
from netvet.capture.torch_reservoir import Kept, Reservoir, Sink, Slot, filled
from netvet.capture.torch_tensors import Budget, hits, tensors_in

# The model may be gone when the script has ended: a copy is kept up to date, each time this much later.
FIRST_STEP, GROWTH = 20, 1.1
SAMPLES, MAX_BATCH, MIN_SAMPLES = 256, 64, 16
SHARE, GRACE = 0.005, 0.2
# Older than this share of the run, the copy says little about the trained model.
NEWEST = 0.8
# Samples that are sent through the layers; values that vary by less than this vary through rounding.
WATCHED, ROUNDING = 32, 1e-6
# The copy may take so many bytes, and so much of the free memory of an accelerator.
MAX_COPY, MAX_FREE = 256 * 2**20, 0.05


@dataclass(frozen=True, slots=True)
class Trained:
    """A copy of the trained model, and samples of one split with the loss that its output went into."""

    model: nn.Module
    kept: Kept
    sink: Sink
    split: Literal["train", "val"]
    step: int


class AblationCollector:
    """Records `input_ablation`."""

    part = "input ablation"

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["trained"] = self
        self._next = FIRST_STEP
        self._budget = Budget(SHARE, GRACE)
        self._copy: nn.Module | None = None
        self._step = 0
        self.reason = "the run was too short"

    def on_step_end(self, _event: Step) -> None:
        step = self._session.step
        if step >= self._next and self._budget.left:
            self._next = int(step * GROWTH) + 1
            with self._budget:
                self._keep()

    def on_finish(self, _ended: str) -> None:
        recorder = self._session.recorder
        found = self.trained()
        record = self._losses(found) if found is not None else None
        self._copy = None
        if record is not None:
            recorder.facts("input_ablation", [record])
        else:
            recorder.missing("input_ablation", self.reason)

    def _keep(self) -> None:
        """Bring the copy up to date, if the model is still there."""
        reservoir: Reservoir = self._session.options["reservoir"]
        module = reservoir.model() if reservoir.model is not None else None
        if module is None or (reservoir.train.sink is None and reservoir.eval.sink is None):
            return
        if not _can_copy(module):
            self.reason = "the model is too large to copy"
            return
        plain = unwrapped(module)
        try:
            if self._copy is None or not _copied(plain, self._copy):
                self._copy = separate_copy(plain)
                self._copy.zero_grad(set_to_none=True)
            self._step = self._session.step
        except Exception as error:  # a model that holds what cannot be copied
            self._copy, self.reason = None, f"the model cannot be copied ({type(error).__name__}: {error})"

    def trained(self) -> Trained | None:
        """The model as it is now, and held-out samples, or else those it was trained with; or None, and `reason`."""
        self._keep()
        reservoir: Reservoir = self._session.options["reservoir"]
        held = reservoir.eval
        usable = held.count >= MIN_SAMPLES and held.sink is not None and held.reason is None
        split: Literal["train", "val"] = "val" if usable else "train"
        kept = held if usable else reservoir.train
        if kept.reason is not None or kept.targets is None or kept.count < MIN_SAMPLES:
            self.reason = kept.reason or "no samples with targets were seen together"
        elif kept.sink is None:
            self.reason = "the script computes something between the model's output and the loss function"
        elif self._step < NEWEST * self._session.step:
            self.reason = f"the model is gone, and its newest copy is of step {self._step} of {self._session.step}"
        elif self._copy is not None:
            return Trained(self._copy, kept, kept.sink, split, self._step)
        return None

    def _losses(self, found: Trained) -> dict[str, Any] | None:
        model, kept, sink = found.model, found.kept, found.sink
        try:
            with copies_at_work(self._session, [model]), torch.no_grad():
                record = ablate(model.eval(), kept, sink)
                record["blocked_by"] = blocking_layer(model, kept, sink)
        except Exception as error:  # whatever a user's model does when called once more
            self.reason = f"calling a copy of the model raised {type(error).__name__}: {error}"
            return None
        if not math.isfinite(record["real"]):
            self.reason = "the loss at the end of the run is not finite"
            return None
        return record | {"site": sink.site, "split": found.split, "step": found.step}


def _can_copy(module: nn.Module) -> bool:
    parameters = list(module.parameters())
    size = sum(p.numel() * p.element_size() for p in parameters)
    if parameters and parameters[0].is_cuda and size >= MAX_FREE * torch.cuda.mem_get_info(parameters[0].device)[0]:
        return False
    return size < MAX_COPY and not any(hasattr(p, "to_local") for p in parameters)


def _copied(source: nn.Module, target: nn.Module) -> bool:
    """Copy all values over; False where the two no longer have the same tensors."""
    mine: list[torch.Tensor] = [*source.parameters(), *source.buffers()]
    theirs: list[torch.Tensor] = [*target.parameters(), *target.buffers()]
    if [t.shape for t in mine] != [t.shape for t in theirs]:
        return False
    with torch.no_grad():
        for value, place in zip(mine, theirs, strict=True):
            place.copy_(value)
    return True


def ablate(model: nn.Module, kept: Kept, sink: Sink) -> dict[str, Any]:
    """Mean loss with real inputs, with inputs of other samples, and with zeros."""
    generator = np.random.default_rng(3)
    rows = np.sort(generator.permutation(kept.count)[:SAMPLES])
    others = rows[generator.permutation(len(rows))]
    size = max(min(kept.batch, MAX_BATCH), 2)
    starts = range(0, len(rows) - len(rows) % size or len(rows), size)
    losses: dict[str, list[float]] = {"real": [], "shuffled": [], "zeroed": []}
    right: dict[str, list[float]] = {"real": [], "shuffled": []}
    for start in starts:
        mine, theirs = (torch.from_numpy(r[start : start + size]) for r in (rows, others))
        for name, chosen in (("real", mine), ("shuffled", theirs), ("zeroed", None)):
            event = loss_of(model, kept, sink, mine, chosen)
            losses[name].append(
                float(event.output.mean()) / (len(mine) if sink.arguments.get("reduction") == "sum" else 1)
            )
            found = hits(event) if name in right else None
            if found is not None and found[1]:
                right[name].append(float(found[0]) / int(found[1]))
    record: dict[str, Any] = {name: float(np.mean(values)) for name, values in losses.items()}
    record["spread"] = float(np.std(losses["real"])) if len(losses["real"]) > 1 else None
    for name, values in right.items():
        record[f"accuracy_{name}"] = float(np.mean(values)) if values else None
    return record


def blocking_layer(model: nn.Module, kept: Kept, sink: Sink) -> str | None:
    """The first layer whose input differs from sample to sample and whose output does not, where no output does."""
    count = min(kept.count, WATCHED)
    found: list[str] = []

    def see(name: str, _module: nn.Module, given: Any, output: Any) -> None:
        if _varies(given, count) and _varies(output, count) is False:
            found.append(name)

    device = next(model.parameters()).device
    args, kwargs = filled(sink.call, lambda slot: kept.inputs[slot.name][:count].to(device))
    with module_outputs(model, see):
        output = model(*args, **kwargs)
    return next(filter(None, found), None) if _varies(output, count) is False else None


def _varies(values: Any, count: int) -> bool | None:
    """Whether any of the tensors differs along its first axis; None where there is none with a row for each sample."""
    tensors = [t for t in tensors_in(values) if t.dim() and t.shape[0] and t.shape[0] % count == 0 and t.numel()]
    rows = [t.detach().reshape(count, -1).double() for t in tensors]
    spans = [float((r.amax(0) - r.amin(0)).max()) > ROUNDING * float(r.abs().max()) for r in rows]
    return any(spans) if spans else None


def loss_of(model: nn.Module, kept: Kept, sink: Sink, mine: torch.Tensor, chosen: torch.Tensor | None) -> LossCall:
    """The loss of some targets with the inputs of the chosen samples (None: zeros)."""
    device = next(model.parameters()).device

    def rows(slot: Slot) -> torch.Tensor:
        values = kept.inputs[slot.name]
        return (values[mine] * 0 if chosen is None else values[chosen]).to(device)

    args, kwargs = filled(sink.call, rows)
    output = list(tensors_in(model(*args, **kwargs)))[sink.output]
    scores = output.reshape(len(mine), *sink.tail)
    if kept.targets is None:
        raise ValueError("it has no targets")
    target = kept.targets[mine].to(device)
    value = getattr(functional, sink.function)(scores, target, **sink.arguments)
    arguments = {**sink.arguments, "input": scores, "target": target}
    return LossCall(sink.function, scores, target, arguments, value, None, False)
