"""What experiments need of a running script: its step on a copy of the model, its batches, its optimizer."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_events import Backward, Call, Clip, Happening, LossCall, Session, Step
from netvet.capture.torch_inner_targets import inner_targets, outputs_ignore
from netvet.capture.torch_probes import TWO_LINES, ProbeContext
from netvet.capture.torch_program import Program, named, size_of
from netvet.capture.torch_remade import OptimizerForm
from netvet.capture.torch_tensors import is_plain

# Of each split so many bytes are kept; a model with more numbers is not trained again and again.
MAX_BYTES, MAX_PARAMETERS = 128 * 2**20, 100_000_000
MAX_CALLS = 8

Tensors = dict[int, torch.Tensor]


@dataclass
class CapturedSetup:
    """A training step with all that it takes, free of the user's own objects.

    Attributes:
        program: the step, on a copy of the model with its initial weights.
        optimizer: what the script's own is made of.
        train: given tensors of the first steps, by number; `val`: of evaluations.
        inputs: numbers of the given tensors that enter the model; `targets`: of those that a loss compares with.
        rates: learning rate of the first group at each kept step.
        clip: kind and limit of the clipping, if the step has one.
        loaded: of each checkpoint that was loaded into a model before the first step: `missing` and `unexpected` keys,
            `tensors` of the model's state in all.
        accumulated: batches that make one step of the script.
    """

    program: Program
    optimizer: OptimizerForm
    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    train: list[Tensors] = field(default_factory=list)
    val: list[Tensors] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    clip: tuple[str, float] | None = None
    accumulated: int = 1
    loaded: tuple[dict[str, Any], ...] = ()

    @property
    def pretrained(self) -> bool:
        """A checkpoint was loaded before the first step."""
        return bool(self.loaded)


class SetupCollector:
    """Collects a `CapturedSetup` from the first steps and evaluations of a run.

    Attributes:
        setup: what was collected; `reason`: why nothing could be.
    """

    part = "setup for experiments"

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["setup"] = self
        self.setup: CapturedSetup | None = None
        self.reason: str | None = "no training step was seen"
        self._names: dict[str, int] = {}
        self._bytes = {"train": 0, "val": 0}
        self._loaded: list[dict[str, Any]] = []
        self._seen: dict[str, torch.Tensor] = {}
        self._calls = self._losses = 0
        self._scored = False
        # What was seen before each backward call of the first step.
        self._before: list[dict[str, torch.Tensor]] = []
        # The optimizer and the place of the backward call that the setup is of; places of this step.
        self._optimizer: weakref.ref[Any] | None = None
        self._site = ""
        self._sites: set[str] = set()
        self._ours = True

    def on_checkpoint(self, event: Happening) -> None:
        loads = event.details["kind"] == "load_state_dict" and isinstance(event.subject, nn.Module)
        if loads and self._session.step == 0:
            keys = {k: list(event.details.get(k, ())) for k in ("missing", "unexpected")}
            self._loaded.append({**keys, "tensors": len(event.subject.state_dict())})

    def on_loader_batch(self, event: Happening) -> None:
        self._flush()
        self._seen = {n: t for n, t in self._seen.items() if not n.startswith("loader.")}
        self._seen |= named("loader", [event.details["batch"]])

    def on_call_begin(self, event: Call) -> None:
        loaded = {n: t for n, t in self._seen.items() if n.startswith("loader.")}
        if event.phase != "train" and self._calls and not loaded:
            self._flush()
        elif event.phase == "train" and self._scored:  # an evaluation, or a teacher, came before the training step
            if not loaded:
                self._flush()
            self._clear()
            self._seen = loaded
        if self._calls < MAX_CALLS:
            self._seen |= named(f"call{self._calls}", [event.args, event.kwargs])
            self._calls += 1
        self._scored = event.phase in ("eval", "train-mode-no-grad")

    def on_loss(self, event: LossCall) -> None:
        if self._losses < MAX_CALLS:
            self._seen |= named(f"loss{self._losses}", [event.target, event.arguments.get("weight")])
            self._losses += 1

    def on_backward_begin(self, event: Backward) -> None:
        """A batch of training is complete; of several that make one step, each is one."""
        self._sites.add(str(event.site))
        if self.setup is None:
            self._before.append(dict(self._seen))
            del self._before[:-MAX_CALLS]  # a script without an optimizer has no end of a step
        elif self._ours and str(event.site) == self._site:
            self._keep("train")
        self._seen = {n: t for n, t in self._seen.items() if n.startswith("loader.")}
        self._calls = self._losses = 0
        self._scored = False

    def on_clip(self, event: Clip) -> None:
        if self.setup is not None:
            self.setup.clip = (event.kind, float(event.limit))

    def learn(self, context: ProbeContext) -> None:
        """The recorded step: what is to be repeated."""
        if self.setup is not None:
            return
        try:
            self._begin(context)
            self.reason = None
        except ValueError as error:
            self.reason = str(error)

    def refuse(self, reason: str) -> None:
        """The recorded step cannot be repeated."""
        if self.setup is None:
            self.reason = reason

    def _begin(self, context: ProbeContext) -> None:
        if not context.optimizers:
            raise ValueError("its weights are changed by hand, without an optimizer of torch.optim")
        if len(context.optimizers) > 1:
            raise ValueError("several optimizers share the training")
        optimizer, _ = context.optimizers[0]
        if len(self._sites) > 1:
            raise ValueError("several losses make one step")
        originals = list(context.replay.calls[0].original.parameters())
        if sum(p.numel() for p in originals) > MAX_PARAMETERS:
            raise ValueError(f"the model has more than {MAX_PARAMETERS:,} parameters")
        form = OptimizerForm.of(optimizer, originals)
        program = Program(context.replay)
        for seen in self._before:  # one of them is what was recorded
            found = {n: number for n, t in seen.items() if (number := program.number_of(t)) is not None}
            if len(found) > len(self._names):
                self._names, self._seen = found, seen
        inputs = {n for name, n in self._names.items() if name.startswith("call")}
        targets = {n for name, n in self._names.items() if name.startswith("loss")} - inputs
        if not inputs:
            raise ValueError("what enters the model comes in a way that is not followed")
        _require_followed(program, set(self._names.values()), inputs)
        if not targets:  # a loss that is written by hand: the rest of the batch
            targets = {n for n in self._names.values() if n not in inputs}
        inner = inner_targets(context.replay.calls, program) if not targets else set()
        separate = program.separate()
        if inner and inner < inputs and outputs_ignore(separate, inner):
            inputs, targets = inputs - inner, inner
        self.setup = CapturedSetup(separate, form, tuple(sorted(inputs)), tuple(sorted(targets)))
        self.setup.loaded = tuple(self._loaded)
        self.setup.accumulated = context.recording.micro_batches
        self._optimizer, self._site = weakref.ref(optimizer), next(iter(self._sites), "")
        self._keep("train")

    def _flush(self) -> None:
        """A batch of an evaluation is complete."""
        if self._scored and self.setup is not None and self._ours:
            self._keep("val")
        if self._scored:
            self._clear()

    def _clear(self) -> None:
        self._seen, self._scored = {}, False
        self._calls = self._losses = 0
        self._before.clear()
        self._sites.clear()

    def on_step_begin(self, event: Step) -> None:
        """A step of another optimizer belongs to another phase of the script: nothing of it is ours."""
        self._ours = self._optimizer is None or self._optimizer() is event.optimizer

    def on_step_end(self, _event: Step) -> None:
        self._clear()

    def on_sleep(self, _: None) -> None:
        self._clear()

    def on_finish(self, _ended: str) -> None:
        self._flush()
        self._clear()

    def _keep(self, split: str) -> None:
        setup, optimizer = self.setup, self._optimizer() if self._optimizer is not None else None
        if setup is None or self._bytes[split] > MAX_BYTES:
            return
        found: Tensors = {}
        for name, number in self._names.items():
            tensor, form = self._seen.get(name), setup.program.given[number]
            if number not in found and tensor is not None and is_plain(tensor) and _fits(tensor, form):
                found[number] = tensor.detach().clone()
        if set(found) != set(self._names.values()):
            return
        self._bytes[split] += size_of(list(found.values()))
        (setup.train if split == "train" else setup.val).append(found)
        if optimizer is not None and split == "train":
            setup.rates.append(float(optimizer.param_groups[0].get("lr", 0.0)))


def _require_followed(program: Program, followed: set[int], inputs: set[int]) -> None:
    """What stays as it was in the recorded step must be no part of its batch.

    Raises:
        ValueError: a tensor has as many rows as the batch, is no constant, and cannot be followed to later batches.
    """
    sizes = [len(program.given[n]) for n in inputs if program.given[n].dim()]
    size = sizes[0] if sizes else 0
    for number, tensor in enumerate(program.given):
        alike = tensor.dim() and size > 1 and tensor.shape[0] % size == 0 and tensor.numel() > 0
        if number not in followed and alike and not _is_structure(tensor):
            raise ValueError("a part of the batch enters the loss in a way that is not followed")


def _is_structure(tensor: torch.Tensor) -> bool:
    """Constants, square masks and numbers of places, which say nothing of the samples."""
    if not bool((tensor != tensor.reshape(-1)[0]).any()):
        return True
    if tensor.dtype == torch.bool:
        return tensor.dim() == 2 and tensor.shape[0] == tensor.shape[1]
    places = tensor.dim() == 1 and not tensor.is_floating_point()
    return places and len(set(tensor.diff().tolist())) <= 2 and len(set(tensor.tolist())) > len(tensor) // 4


def _fits(tensor: torch.Tensor, form: torch.Tensor) -> bool:
    return tensor.dtype == form.dtype and tensor.dim() == form.dim()


def not_captured(collector: SetupCollector) -> str:
    """Why a script cannot be experimented with, and what to give in its place."""
    return f"{collector.reason}; give a setup of your own: netvet recipe module:make_setup, with\n{TWO_LINES}"
