"""Ask the model about the same batch again and again: do its predictions settle?

Records `fixed_batch_flips`, `fixed_batch_loss` and `fixed_batch`.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

from netvet.capture.torch_copies import copies_at_work, separate_copy
from netvet.capture.torch_events import Call, LossCall, Session, Step
from netvet.capture.torch_hooks import is_compiled
from netvet.capture.torch_models import unwrapped
from netvet.capture.torch_rng import forked_rng
from netvet.capture.torch_shown import shown
from netvet.capture.torch_tensors import Budget, class_probabilities

MAX_SAMPLES = 256
MAX_ELEMENTS = 20_000_000
# Asked at every so many sampled steps, within this share of the run time.
EVERY = 20
SHARE, GRACE_SECONDS = 0.003, 0.3
# Loss calls after which it is clear that the script has no such model.
MAX_TRIES = 50
SIGNALS = ("fixed_batch_flips", "fixed_batch_loss", "fixed_batch")
# Samples whose predictions are kept one by one, bytes of their pictures, and times asked that are kept: of more, every
# other one, and from then on every second, fourth, ... one.
MAX_SHOWN, MAX_BYTES, MAX_LOOKS = 32, 49_152, 32


@dataclass
class _Fixed:
    """The frozen batch and the copy that is asked with the live weights."""

    model: weakref.ref[nn.Module]
    frozen: nn.Module
    x: torch.Tensor
    target: torch.Tensor
    function: str
    arguments: dict[str, Any]
    site: str
    predicted: torch.Tensor | None = None


class _Looks:
    """Predicted classes of the first samples and their probabilities, by step; a bounded even choice, and the last."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, list[int], list[float]]] = []
        self._last: tuple[int, list[int], list[float]] | None = None
        self._every, self._count = 1, 0

    def add(self, step: int, output: torch.Tensor) -> None:
        """The model was asked: output [samples, classes], as a loss takes them."""
        best = class_probabilities(output[:MAX_SHOWN]).max(1)
        self._last = step, best.indices.tolist(), [float(f"{p:.4g}") for p in best.values.tolist()]
        if self._count % self._every == 0:
            self._kept.append(self._last)
        self._count += 1
        if len(self._kept) >= MAX_LOOKS:
            self._kept, self._every = self._kept[::2], 2 * self._every

    @property
    def step(self) -> int | None:
        """When it was asked last."""
        return self._last[0] if self._last else None

    def record(self) -> dict[str, Any]:
        """All of them, by field."""
        looks = [one for one in self._kept if one is not self._last] + ([self._last] if self._last else [])
        names = ("steps", "predicted", "probability")
        return {name: [look[at] for look in looks] for at, name in enumerate(names)}


class FixedBatchCollector:
    """Records `fixed_batch_flips`, `fixed_batch_loss` and `fixed_batch`."""

    part = "fixed batch"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._call: Call | None = None
        self._fixed: _Fixed | None = None
        self._reason: str | None = None
        self._tries = 0
        self._deep = 0
        self._compared = False
        self._looks, self._record = _Looks(), dict[str, Any]()
        self._budget = Budget(SHARE, GRACE_SECONDS)

    def on_call_end(self, event: Call) -> None:
        wanted = self._fixed is None and self._reason is None and event.phase == "train"
        self._call = event if wanted else None

    def on_backward_begin(self, _event: Any) -> None:
        self._call = None

    def on_loss(self, event: LossCall) -> None:
        call, self._call = self._call, None
        if call is None or not event.grad or self._fixed is not None or self._reason is not None:
            return
        self._tries += 1
        if _fits(call, event):
            self._freeze(call, event)
            self._ask(self._session.step)
        elif self._tries >= MAX_TRIES:
            self._reason = "no model that takes one tensor and gives [samples, classes] to a classification loss"

    def _freeze(self, call: Call, event: LossCall) -> None:
        model = unwrapped(call.module)
        self._reason = _obstacle(model)
        if self._reason is not None:
            return
        recorder = self._session.recorder
        recorder.suspended = True
        try:
            with forked_rng():
                frozen = separate_copy(model).eval()
        except Exception as error:
            self._reason = f"the model could not be copied: {type(error).__name__}: {error}"
            return
        finally:
            recorder.suspended = False
        names = ("weight", "ignore_index", "label_smoothing")
        arguments = {n: event.arguments[n] for n in names if n in event.arguments}
        if isinstance(arguments.get("weight"), torch.Tensor):
            arguments["weight"] = arguments["weight"].detach().clone()
        x, target = call.args[0][:MAX_SAMPLES], event.target[:MAX_SAMPLES]
        self._fixed = _Fixed(
            weakref.ref(model), frozen, x.detach().clone(), target.detach().clone(),
            event.function, arguments, str(event.site or "?"),
        )  # fmt: skip
        self._record = {
            "site": str(event.site or "?"), "samples": len(target), "classes": event.input.shape[1],
            "labels": target[:MAX_SHOWN].tolist(),
        }  # fmt: skip

    def on_step_end(self, _event: Step) -> None:
        self._call = None
        if not self._session.deep or self._fixed is None:
            return
        self._deep += 1
        if self._deep % EVERY == 0 and self._budget.left:
            self._ask(self._session.step)

    def _ask(self, step: int) -> None:
        fixed, recorder = self._fixed, self._session.recorder
        model = fixed.model() if fixed is not None else None
        if fixed is None or model is None:
            return
        try:
            with copies_at_work(self._session, [fixed.frozen]), torch.no_grad(), self._budget:
                output = _answer(fixed, model)
                loss = float(getattr(functional, fixed.function)(output, fixed.target, **fixed.arguments))
        except Exception as error:  # whatever a user's model does when it is called once more
            self._fixed, self._reason = None, f"asking a copy of the model raised {type(error).__name__}: {error}"
            return
        recorder.value(step, "fixed_batch_loss", loss, fixed.site)
        self._looks.add(step, output)
        predicted = output.argmax(1)
        if fixed.predicted is not None:
            flips = float((predicted != fixed.predicted).double().mean())
            recorder.value(step, "fixed_batch_flips", flips, fixed.site)
            self._compared = True
        fixed.predicted = predicted

    def _ask_last(self, step: int) -> None:
        """What the trained model says; the series, which are of equal distances, do not get it."""
        fixed = self._fixed
        model = fixed.model() if fixed is not None else None
        if fixed is None or model is None or self._looks.step == step:
            return
        try:
            with copies_at_work(self._session, [fixed.frozen]), torch.no_grad():
                self._looks.add(step, _answer(fixed, model))
        except Exception:  # the answers before it are still good
            return

    def on_report(self, _: None) -> None:
        if self._fixed is not None and "shown" not in self._record:
            # A view: the batch itself was cloned, and is only read here.
            self._record |= shown({"input": self._fixed.x[:MAX_SHOWN]}, MAX_BYTES)
        looks = self._looks.record()
        if "shown" in self._record and looks["steps"]:
            self._session.recorder.facts("fixed_batch", [self._record | looks])

    def on_finish(self, _ended: str) -> None:
        self._call = None
        self._ask_last(self._session.step)
        self.on_report(None)
        if self._fixed is None:
            reason = self._reason or "no training call whose output went straight into a classification loss was seen"
            for signal in SIGNALS:
                self._session.recorder.missing(signal, reason)
        elif not self._compared:
            reason = f"the run was too short: the batch is asked at every {EVERY}th sampled step"
            self._session.recorder.missing("fixed_batch_flips", reason)
        self._fixed = None


def _answer(fixed: _Fixed, model: nn.Module) -> torch.Tensor:
    # Buffers are cloned: a forward pass may write into them.
    state: dict[str, torch.Tensor] = {n: p.detach() for n, p in model.named_parameters()}
    state |= {n: b.detach().clone() for n, b in model.named_buffers()}
    output = torch.func.functional_call(fixed.frozen, state, (fixed.x,))
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"in eval mode it gives {type(output).__name__}, not a tensor")
    return output.float()


def _fits(call: Call, event: LossCall) -> bool:
    """The model takes one tensor, and what it gives is the [N, C] input of a classification loss."""
    if event.function not in ("cross_entropy", "nll_loss") or len(call.args) != 1 or call.kwargs:
        return False
    x, scores, target = call.args[0], event.input, event.target
    if not isinstance(x, torch.Tensor) or x.layout is not torch.strided or call.output is not scores:
        return False
    return scores.dim() == 2 and target.dim() == 1 and x.dim() > 0 and x.shape[0] == scores.shape[0] == len(target)


def _obstacle(model: nn.Module) -> str | None:
    if is_compiled(model):
        return "the model is compiled"
    if sum(p.numel() for p in model.parameters()) > MAX_ELEMENTS:
        return f"the model has more than {MAX_ELEMENTS:,} parameters: no copy is kept"
    if any(m._forward_hooks or m._forward_pre_hooks for m in model.modules()):
        return "the script has hooks on the model: calling a copy would run them"
    if any(hasattr(p, "to_local") for p in model.parameters()):
        return "the model is sharded over processes"
    return None
