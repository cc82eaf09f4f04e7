"""The black box: the last steps as they were given to the program, written when something breaks.

A step is what its outermost model calls and loss functions were given, the variables of the user's functions that were
running, the states of the random generators, and the weights before it. All of it is kept by reference where it is
large; weights are copied as far as they are small, and are otherwise those at the moment of writing, which comes before
the update. `netvet replay` repeats the step from the file.
"""

from __future__ import annotations

import math
import os
import platform
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

import netvet
from netvet.capture.site import Site
from netvet.capture.torch_box_file import RandomStates, as_tensors, box_path, cuda_in_use, random_states, write_box
from netvet.capture.torch_box_values import Packed, Packer
from netvet.capture.torch_events import Backward, Call, LossCall, Session, Step
from netvet.capture.torch_models import plain_name, unwrapped
from netvet.capture.torch_ops import autocast_state
from netvet.capture.torch_tensors import is_plain
from netvet.capture.torch_variables import pack_variables

# Steps that are kept, and what their inputs and copies of weights may fill together.
STEPS, MEMORY_BYTES = 4, 256 << 20
# Weights up to here are copied at the start of a step, so that earlier steps can be repeated too (16 MB: about 3 ms).
COPIED_WEIGHTS = 16 << 20
# Weights beyond this are not written: repeating such a step is no matter of a file on the side.
WRITTEN_WEIGHTS = 2 << 30
# More calls in a step are no training step of a loop (a search, a rollout).
MAX_CALLS = 256
# Steps that are written for a reason, and steps in all.
MAX_REASONS, MAX_FILES = 3, 8


@dataclass
class Given:
    """What one step was given. `models`: those it called; `weights`: copies of theirs, where they are small."""

    step: int
    packer: Packer
    rng: RandomStates
    variables: list[dict[str, Any]]
    calls: list[dict[str, Any]] = field(default_factory=list)
    losses: list[dict[str, Any]] = field(default_factory=list)
    backwards: list[dict[str, Any]] = field(default_factory=list)
    models: dict[str, nn.Module] = field(default_factory=dict)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    copied: bool = True
    late: bool = False

    @property
    def bytes(self) -> int:
        """What it keeps in memory."""
        return self.packer.bytes + sum(t.numel() * t.element_size() for t in self.weights.values())


class BlackBox:
    """Keeps the last steps and writes them; records `black_box`.

    Args:
        steps: how many are kept; memory: bytes that they may fill together.
    """

    part = "black box"
    sampled = True

    def __init__(self, session: Session, *, steps: int = STEPS, memory: int = MEMORY_BYTES) -> None:
        self._session = session
        self._memory = memory
        self._kept: deque[Given] = deque(maxlen=max(1, steps - 1))
        self._open: Given | None = None
        self._seen = False
        self._records: list[dict[str, Any]] = []
        self._reasons: set[str] = set()
        self._folder, self._pid = os.getcwd(), os.getpid()
        session.options["black_box"] = self

    def on_call_begin(self, event: Call) -> None:
        if event.phase not in ("train", "eval-mode-grad"):
            return
        given = self._given()
        if len(given.calls) >= MAX_CALLS:
            return
        name = self._session.models.name(event.model)
        if name not in given.models:
            given.models[name] = event.model
            self._copy_weights(given, name, event.model)
        number, pack = len(given.calls), given.packer.pack
        batch = getattr(self._session.options.get("batches"), "batch", None)
        given.calls.append(
            {
                "model": name, "path": _path(event.model, event.module), "site": _listed(event.site),
                "phase": event.phase, "autocast": _autocast(),
                "args": pack(event.args, f"call.{number}"), "kwargs": pack(event.kwargs, f"call.{number}"),
                "axis": batch.axis if batch else 0, "size": batch.size if batch else None,
                "loader": batch.loader.name if batch and batch.loader else None,
                "batch": batch.index if batch else None,
            }
        )  # fmt: skip

    def _given(self) -> Given:
        """The step that is going on."""
        step = self._session.step
        if self._open is None or self._open.step != step:
            self._open = None
            packer = Packer(self._memory)
            self._seen = True
            self._open = Given(step, packer, random_states(), pack_variables(packer))
        return self._open

    def _copy_weights(self, given: Given, name: str, model: nn.Module) -> None:
        tensors = weights_of(name, model)
        size = sum(t.numel() * t.element_size() for t in (*given.weights.values(), *tensors.values()))
        if size > COPIED_WEIGHTS or any(torch.nn.parameter.is_lazy(p) for p in model.parameters()):
            given.copied = False
            tensors = {n: t for n, t in tensors.items() if n.endswith(":buffer") and t.numel() < COPIED_WEIGHTS >> 4}
        given.weights.update({n: t.clone() for n, t in tensors.items()})

    def on_loss(self, event: LossCall) -> None:
        given = self._open
        if not event.grad or given is None or given.step != self._session.step or len(given.losses) >= MAX_CALLS:
            return
        arguments: dict[str, Packed] = {}
        for name, value in event.arguments.items():
            if isinstance(value, torch.Tensor) and not (value.requires_grad and not value.is_leaf):
                arguments[name] = given.packer.pack(value, f"loss.{len(given.losses)}.{name}")
        given.losses.append({"function": event.function, "site": _listed(event.site), "arguments": arguments})

    def on_backward_begin(self, event: Backward) -> None:
        given = self._open
        loss = event.loss.detach()
        value = float(loss) if loss.numel() == 1 else float(loss.float().mean())
        if given is not None and given.step == self._session.step:
            given.backwards.append({"site": _listed(event.site), "loss": repr(value), "scale": event.scale})
        if not math.isfinite(value):  # also in a step that was not heard from its beginning
            self._written_for("loss", f"the loss is {value:g}")

    def on_backward_end(self, event: Backward) -> None:
        if isinstance(event.error, Exception):
            self._written_for("exception", f"{type(event.error).__name__}: {event.error}")

    def on_step_begin(self, event: Step) -> None:
        if "loss" in self._reasons:
            return
        norm = self._session.options.get("grad_norm")  # of this step, where it was measured already
        if isinstance(norm, float) and math.isfinite(norm):
            return
        gradients = [p.grad for group in event.optimizer.param_groups for p in group["params"] if p.grad is not None]
        dense = [g for g in gradients if is_plain(g) and g.numel()]
        if dense and not all(math.isfinite(float(n)) for n in torch._foreach_norm(dense, float("inf"))):
            self._written_for("gradient", "a gradient is NaN or infinite, the loss is finite")

    def on_call_failed(self, event: Call) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and event.phase in ("train", "eval-mode-grad"):
            self._written_for("exception", f"{type(error).__name__}: {error}")

    def on_step_end(self, _event: Step) -> None:
        if self._open is None:
            return
        if self._open.copied:  # without its weights an earlier step cannot be repeated
            self._open.models = {}
            self._open.packer.close()
            self._kept.append(self._open)
        self._open = None
        while self._kept and sum(given.bytes for given in self._kept) > self._memory:
            self._kept.popleft()

    def on_finish(self, ended: str) -> None:
        if ended == "exception" and self._open is not None and self._open.step == self._session.step:
            self._written_for("exception", "an exception ended the step")
        self._open = None
        self._kept.clear()
        if not self._records:
            called = "no loss, gradient or exception called for it"
            reason = called if self._seen else "no module was called in training: such a step cannot be repeated"
            self._session.recorder.missing("black_box", reason)

    def _written_for(self, reason: str, message: str) -> None:
        if reason not in self._reasons and len(self._reasons) < MAX_REASONS:
            self.save(reason, message)

    def save(self, reason: str, message: str) -> Path | None:
        """Write the step that is going on, and those before it that can be repeated.

        To be called before the weights are updated, from within the user's step. A step that collectors slept through
        is written by its end: the variables of the functions on the stack and the weights, but neither the calls nor
        the random numbers it began with.

        Args:
            reason: `loss`, `gradient`, `exception`, or the name of a check.
            message: what was seen, in one line.

        Returns:
            The file of the step; None where no model was called yet, or the step is written already.
        """
        given = self._open if self._open is not None and self._open.step == self._session.step else self._late()
        if given is None or given.step in {r["step"] for r in self._records} or os.getpid() != self._pid:
            return None
        self._reasons.add(reason)
        path = self._write(given, reason, message)
        for earlier in self._kept:
            if len(self._records) < MAX_FILES and earlier.step not in {r["step"] for r in self._records}:
                self._write(earlier, "before", f"a step before step {given.step}")
        self._kept.clear()
        records = sorted(self._records, key=lambda record: int(record["step"]))
        self._session.recorder.facts("black_box", records)
        return path

    def _late(self) -> Given | None:
        models = self._session.models.called()
        if not models or self._session.ended:
            return None
        packer = Packer(self._memory)
        given = Given(self._session.step, packer, random_states(), pack_variables(packer), copied=False, late=True)
        given.models = {self._session.models.name(model): model for model in models}
        return given

    def _write(self, given: Given, reason: str, message: str) -> Path:
        tensors = {name: held.tensor for name, held in given.packer.held.items()} | as_tensors(given.rng)
        missing = None
        weights = dict(given.weights)
        if not given.copied:
            now = {n: t for name, model in given.models.items() for n, t in weights_of(name, model).items()}
            size = sum(t.numel() * t.element_size() for t in now.values())
            if size <= WRITTEN_WEIGHTS:
                weights = now | weights
            else:
                missing = f"the weights have {size / 2**30:.1f} GB, more than {WRITTEN_WEIGHTS / 2**30:.0f} GB"
        path = box_path(self._session.recorder.writer.path, given.step)
        about = {
            "step": given.step, "reason": reason, "message": message[:1000], "script": script(self._folder),
            "calls": given.calls, "losses": given.losses, "backwards": given.backwards,
            "variables": given.variables, "weights_missing": missing, "versions": _versions(),
            "changed": sorted(n for n, held in given.packer.held.items() if held.changed),
            "left_out": given.packer.left_out, "late": given.late,
        }  # fmt: skip
        size = write_box(
            path, about, tensors | {f"weight.{n}": t for n, t in weights.items()} if not missing else tensors
        )
        record = {"step": given.step, "file": path.name, "reason": reason, "message": about["message"]}
        self._records.append(record | {"bytes": size, "weights": missing is None})
        return path


def weights_of(name: str, model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers of a model by `MODEL:name`, buffers by `MODEL:name:buffer`; without sharded ones."""
    named = [(n, p) for n, p in model.named_parameters()] + [(f"{n}:buffer", b) for n, b in model.named_buffers()]
    kept = [(n, t) for n, t in named if not torch.nn.parameter.is_lazy(t) and is_plain(t)]
    return {f"{name}:{plain_name(n)}": t.detach() for n, t in kept}


def script(folder: str) -> dict[str, Any]:
    """How the program that is running was started: `{file, module, arguments, folder, hash}`."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None)
    path = os.path.join(folder, file) if file else None
    return {
        "file": path, "module": spec.name if spec is not None else None, "arguments": [str(a) for a in sys.argv[1:]],
        "folder": folder, "hash": file_hash(path),
    }  # fmt: skip


def file_hash(path: str | None) -> str | None:
    """SHA-256 of a file; None where it cannot be read."""
    import hashlib

    try:
        with open(path or "", "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None


def _versions() -> dict[str, Any]:
    return {
        "netvet": netvet.__version__, "torch": torch.__version__, "python": platform.python_version(),
        "threads": torch.get_num_threads(), "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if cuda_in_use() else "cpu",
    }  # fmt: skip


def _path(model: nn.Module, module: nn.Module) -> str:
    if module is model:
        return ""
    inner = unwrapped(model)
    return next((plain_name(n) for n, m in inner.named_modules() if m is module), "")


def _listed(site: Site | None) -> list[Any] | None:
    return [site.file, site.line] if site is not None else None


def _autocast() -> list[str] | None:
    state = autocast_state()
    return [state[0], str(state[1])] if state is not None else None
