"""Whether the trained model uses its input: its loss with real, shuffled and zeroed ones. Records `input_ablation`."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from netvet.capture.torch_events import LossCall, Session, Step
from netvet.capture.torch_models import unwrapped
from netvet.capture.torch_ops import tensors_in
from netvet.capture.torch_reservoir import Kept, Reservoir, Sink
from netvet.capture.torch_rng import forked_rng
from netvet.capture.torch_tensors import Budget, hits

# The model may be gone when the script has ended: it is asked along the way, each time this much later.
FIRST_STEP, GROWTH = 50, 1.2
SAMPLES, MAX_BATCH = 256, 64
SHARE, GRACE = 0.01, 0.2
# A copy may take so many bytes, and so much of the free memory of an accelerator.
MAX_COPY, MAX_FREE = 2**30, 0.2


class AblationCollector:
    """Records `input_ablation`."""

    part = "input ablation"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next = FIRST_STEP
        self._budget = Budget(SHARE, GRACE)
        self._record: dict[str, Any] | None = None
        self._reason = "the run was too short"

    def on_step_end(self, _event: Step) -> None:
        step = self._session.step
        if step >= self._next and self._budget.left:
            self._next = int(step * GROWTH) + 1
            with self._budget:
                self._try()

    def on_finish(self, _ended: str) -> None:
        self._try()
        recorder = self._session.recorder
        if self._record is not None:
            recorder.facts("input_ablation", [self._record])
        else:
            recorder.missing("input_ablation", self._reason)

    def _try(self) -> None:
        reservoir: Reservoir = self._session.options["reservoir"]
        kept, split = (reservoir.eval, "val") if reservoir.eval.count >= 16 else (reservoir.train, "train")
        module = reservoir.model() if reservoir.model is not None else None
        if kept.reason is not None or kept.targets is None or kept.count < 16:
            self._reason = kept.reason or "no samples with targets were seen together"
        elif kept.sink is None:
            self._reason = "the script computes something between the model's output and the loss function"
        elif module is None:
            self._reason = "the model was gone before it could be asked"
        elif not _can_copy(module):
            self._reason = "the model is too large to copy"
        else:
            self._ask(module, kept, kept.sink, split)

    def _ask(self, module: nn.Module, kept: Kept, sink: Sink, split: str) -> None:
        recorder = self._session.recorder
        before, recorder.suspended = recorder.suspended, True
        try:
            with forked_rng(), torch.no_grad():
                record = ablate(copy.deepcopy(unwrapped(module)).eval(), kept, sink)
        except Exception as error:  # whatever a user's model does when called once more
            self._reason = f"calling a copy of the model raised {type(error).__name__}: {error}"
            return
        finally:
            recorder.suspended = before
        if math.isfinite(record["real"]):
            self._record = record | {"site": sink.site, "split": split, "step": self._session.step}
            recorder.facts("input_ablation", [self._record])


def _can_copy(module: nn.Module) -> bool:
    parameters = list(module.parameters())
    size = sum(p.numel() * p.element_size() for p in parameters)
    if parameters and parameters[0].is_cuda:
        return size < MAX_FREE * torch.cuda.mem_get_info(parameters[0].device)[0]
    return size < MAX_COPY


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
            event = _loss(model, kept, sink, mine, chosen)
            losses[name].append(
                float(event.output.mean()) / (len(mine) if sink.arguments.get("reduction") == "sum" else 1)
            )
            found = hits(event) if name in right else None
            if found is not None and found[1]:
                right[name].append(float(found[0]) / found[1])
    record: dict[str, Any] = {name: float(np.mean(values)) for name, values in losses.items()}
    record["spread"] = float(np.std(losses["real"])) if len(losses["real"]) > 1 else None
    for name, values in right.items():
        record[f"accuracy_{name}"] = float(np.mean(values)) if values else None
    return record


def _loss(model: nn.Module, kept: Kept, sink: Sink, mine: torch.Tensor, chosen: torch.Tensor | None) -> LossCall:
    """The loss of some targets with the inputs of the chosen samples (None: zeros)."""
    device = next(model.parameters()).device
    args, kwargs = [], {}
    for name, values in kept.inputs.items():
        given = (values[mine] * 0 if chosen is None else values[chosen]).to(device)
        if name.isdigit():
            args.append(given)
        elif name.isidentifier():
            kwargs[name] = given
        else:
            raise ValueError("its arguments are nested")
    output = list(tensors_in(model(*args, **kwargs)))[sink.output]
    scores = output.reshape(len(mine), *sink.tail)
    if kept.targets is None:
        raise ValueError("it has no targets")
    target = kept.targets[mine].to(device)
    value = getattr(functional, sink.function)(scores, target, **sink.arguments)
    arguments = {**sink.arguments, "input": scores, "target": target}
    return LossCall(sink.function, scores, target, arguments, value, None, False)
