"""Whether weights, buffers, modes and generators are the same after an evaluation as before it."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_events import Session, Step
from netvet.capture.torch_models import plain_name

MAX_MODELS = 8
# Buffers up to this size are compared (running statistics, not attention masks), and so many elements in all.
MAX_BUFFER, MAX_BUFFERS = 100_000, 1_000_000
# Steps after which it is known whether the script itself changes weights between its steps (clamping, renorm).
HABIT_STEPS = 50
# Calls of a pass that are looked at: what a call changes, the first ones change.
CLOSE_CALLS = 2
MAX_NAMES = 20


@dataclass(slots=True)
class Around:
    """The state at the beginning of one evaluation pass, and what its first calls changed."""

    rng: torch.Tensor
    buffers: dict[str, torch.Tensor]
    rng_changed: bool = False
    changed: set[str] = field(default_factory=set)
    weights: list[float] | None = None


class _Element:
    """One element of a parameter, quick to read; lets go of the parameter's memory when the parameter dies."""

    __slots__ = ("_index", "_parameter", "_pointer", "_view", "name")

    def __init__(self, name: str, parameter: torch.Tensor, index: tuple[int, ...]) -> None:
        self.name, self._index = name, index
        self._view: torch.Tensor | None = None
        self._pointer = 0
        self._parameter = weakref.ref(parameter, self._release)

    def _release(self, _: Any) -> None:
        self._view = None

    def value(self) -> Any:
        """The number; on an accelerator a copy that is not waited for."""
        p = self._parameter()
        if p is None:
            return float("nan")
        pointer = p.data_ptr()
        if self._view is None or pointer != self._pointer:
            if len(self._index) != p.dim() or any(i >= s for i, s in zip(self._index, p.shape, strict=True)):
                return float("nan")
            self._view, self._pointer = p.detach()[self._index], pointer
        return self._view.item() if self._view.device.type == "cpu" else self._view.clone()


@dataclass(slots=True)
class _Model:
    """A model that is trained. `elements`: single elements that training moves."""

    mode: bool
    elements: list[_Element] = field(default_factory=list)
    chosen: bool = False
    after_step: list[Any] | None = None
    steps: int = 0
    habit: bool = False
    evaluated: bool = False


class StateWatch:
    """Compares the state of models around evaluation passes; used by the collector of evaluations."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models: dict[str, _Model] = {}

    def mode(self, name: str) -> bool | None:
        """Training flag of the root at its last training call."""
        known = self._models.get(name)
        return known.mode if known is not None else None

    def trains(self, name: str, model: nn.Module) -> None:
        """A training call begins; the passes before it are resolved already."""
        known = self._models.get(name)
        if known is None:
            if len(self._models) < MAX_MODELS:
                self._models[name] = _Model(model.training)
            return
        known.mode = model.training
        if known.after_step is not None and not known.evaluated and known.steps <= HABIT_STEPS:
            known.habit = known.habit or _floats(_read(known)) != _floats(known.after_step)
        known.evaluated = False

    def stepped(self, event: Step) -> None:
        """After an optimizer step: the weights as training left them."""
        for name, known in self._models.items():
            if not known.chosen:
                self._choose(name, known, event.optimizer)
            if known.elements:
                known.steps += 1
                known.after_step = _read(known)

    def forget(self) -> None:
        """Training goes on unseen: the weights are no longer those of the last step that was seen."""
        for known in self._models.values():
            known.after_step = None

    def _choose(self, name: str, known: _Model, optimizer: torch.optim.Optimizer) -> None:
        """Watch the elements with the largest gradients: those that training moves."""
        model = next((m for m in self._session.models.called() if self._session.models.name(m) == name), None)
        if model is None:
            return
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        mine = [(n, p) for n, p in model.named_parameters() if id(p) in held and _is_usable(p)]
        known.chosen = bool(mine)
        for n, p in (mine[0], mine[-1]) if len(mine) > 1 else mine:
            grad = p.grad if p.grad is not None else p
            flat = torch.tensor(int(grad.detach().abs().reshape(-1).argmax()))
            index = tuple(int(i) for i in torch.unravel_index(flat, p.shape))
            known.elements.append(_Element(plain_name(n), p, index))

    def begin(self, name: str, model: nn.Module, around: Around | None, calls: int) -> Around | None:
        """A call without gradients begins: the first one of a pass notes the state."""
        if calls == 1:
            around = Around(torch.get_rng_state(), _small_buffers(model))
        known = self._models.get(name)
        if around is not None and known is not None and known.elements and calls <= CLOSE_CALLS:
            known.evaluated = True
            around.weights = _floats(_read(known))
        return around

    def end(self, model: nn.Module, around: Around, calls: int) -> None:
        """The call has ended."""
        if calls <= CLOSE_CALLS:
            around.changed |= {n for n, old in around.buffers.items() if not _same(old, _buffer(model, n))}
            around.rng_changed = around.rng_changed or not torch.equal(around.rng, torch.get_rng_state())

    def resolve(self, record: dict[str, Any], around: Around, name: str, model: nn.Module) -> None:
        """The next training call begins: what differs from before the pass, and did so within it."""
        changed = [n for n in sorted(around.changed) if not _same(around.buffers[n], _buffer(model, n))]
        record["buffers_changed"] = [plain_name(n) for n in changed[:MAX_NAMES]]
        known = self._models.get(name)
        if known is None or known.habit or known.after_step is None or around.weights is None:
            return
        # Weights that are swapped in for an evaluation and out again are back by now.
        each = zip(known.elements, _floats(known.after_step), around.weights, _floats(_read(known)), strict=True)
        record["parameters_changed"] = [
            element.name for element, before, during, after in each if before != during == after and before == before
        ]


def _is_usable(p: torch.Tensor) -> bool:
    grad = p.grad
    if p.numel() == 0 or hasattr(p, "to_local") or grad is None:
        return False
    return p.layout is torch.strided and grad.layout is torch.strided


def _read(known: _Model) -> list[Any]:
    return [element.value() for element in known.elements]


def _floats(values: list[Any]) -> list[float]:
    # Of a complex number both parts change, but for few chances.
    real = ((isinstance(v, torch.Tensor) and not v.is_complex()) or isinstance(v, (int, float)) for v in values)
    return [float(v if is_real else v.real + v.imag) for v, is_real in zip(values, real, strict=True)]


def _small_buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    kept: dict[str, torch.Tensor] = {}
    total = 0
    for name, buffer in model.named_buffers():
        if buffer.numel() <= MAX_BUFFER and total + buffer.numel() <= MAX_BUFFERS and buffer.layout is torch.strided:
            total += buffer.numel()
            kept[name] = buffer.detach().clone()
    return kept


def _buffer(model: nn.Module, name: str) -> torch.Tensor | None:
    try:
        return model.get_buffer(name)
    except AttributeError:
        return None


def _same(old: torch.Tensor, new: torch.Tensor | None) -> bool:
    if new is None or old.shape != new.shape or old.device != new.device or old.dtype != new.dtype:
        return True  # not comparable: nothing is claimed
    return torch.equal(old, new) or bool(((old == new) | ((old != old) & (new != new))).all())
