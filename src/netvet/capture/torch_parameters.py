"""Sizes of parameters, gradients and updates, at the steps that are looked at closely."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from netvet.capture.torch_events import Session, Step

# Of larger tensors so many evenly spread elements stand for all: a std is then off by 0.3 %.
MAX_SAMPLED = 65_536
# Of models with more parameter tensors than this, the first are looked at.
MAX_TENSORS = 2_000
LOW = (torch.float16, torch.bfloat16)


def stride_of(shape: Sequence[int], limit: int) -> int:
    """A stride that picks at most `limit` elements and visits all rows and columns alike.

    A stride that shares a factor with the length of an axis would see only some of its positions.
    """
    total = math.prod(shape)
    stride = max(1, math.ceil(total / limit))
    while stride > 1 and any(math.gcd(stride, size) > 1 for size in shape if size > 1):
        stride += 1
    return stride


def local(tensor: torch.Tensor) -> torch.Tensor | None:
    """The plain values held by this process, without gradient; None where there are none to read."""
    tensor = tensor.detach()
    if hasattr(tensor, "to_local"):
        tensor = tensor.to_local()
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    if tensor.layout is not torch.strided or tensor.device.type == "meta" or tensor.numel() == 0:
        return None
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return None
    return tensor.float() if tensor.dtype in LOW else tensor


def sample(tensor: torch.Tensor, limit: int = MAX_SAMPLED) -> torch.Tensor:
    """Evenly spread elements, flat; a view where possible."""
    flat = tensor.reshape(-1)
    return flat if flat.numel() <= limit else flat[:: stride_of(tensor.shape, limit)]


def sampled_gradient(gradient: torch.Tensor) -> torch.Tensor | None:
    """A copy of evenly spread elements at the same places each time, of a sparse gradient as of a dense one."""
    if not gradient.is_sparse:
        values = local(gradient)
        return None if values is None else sample(values).clone()
    width = gradient.shape[gradient.sparse_dim() :].numel()
    if gradient.shape[0] * width > MAX_SAMPLED or gradient.sparse_dim() != 1:
        return None  # which rows are touched changes from step to step
    return local(gradient.detach().to_dense())


def as_floats(values: Sequence[torch.Tensor]) -> list[float]:
    """Numbers of tensors of one element, with one transfer per device."""
    found = [0.0] * len(values)
    for device in dict.fromkeys(v.device for v in values):
        chosen = [i for i, v in enumerate(values) if v.device == device]
        dtype = torch.float32 if device.type == "mps" else torch.float64
        for i, number in zip(chosen, torch.stack([values[i].to(dtype) for i in chosen]).tolist(), strict=True):
            found[i] = number
    return found


def named_parameters(session: Session, event: Step) -> Iterator[tuple[str, torch.Tensor]]:
    """Name and tensor of what an optimizer holds; tensors in no called model are named after their place in it."""
    names = {id(p): name for name, p, _ in session.models.parameters()}
    held = (p for group in event.optimizer.param_groups for p in group["params"])
    for index, p in zip(range(MAX_TENSORS), held, strict=False):
        yield names.get(id(p), f"{event.name}/{index}"), p


def write(session: Session, step: int, signal: str, named: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Record one number for each name."""
    pairs = list(named)
    if pairs:
        numbers = as_floats([value for _, value in pairs])
        session.recorder.values(step, signal, dict(zip([n for n, _ in pairs], numbers, strict=True)))


@dataclass(slots=True)
class _Before:
    """A parameter before a step: the tensor itself, its numbers, and a copy of its sampled elements."""

    p: torch.Tensor
    index: int
    norm: torch.Tensor
    std: torch.Tensor
    gradient: torch.Tensor | None
    few: torch.Tensor


class ParameterCollector:
    """Records `param_norm`, `param_std`, `param_grad_norm` and `update_ratio`."""

    part = "sizes of parameters and updates"
    sampled = True

    def __init__(self, session: Session) -> None:
        self._session = session
        # Optimizer, step and parameters; only while the step lasts.
        self._before: tuple[Any, int, list[_Before]] | None = None

    @torch.no_grad()
    def on_step_begin(self, event: Step) -> None:
        session = self._session
        self._before = None
        if not session.deep or event.skipped:
            return
        before = []
        held = (p for group in event.optimizer.param_groups for p in group["params"])
        for index, p in zip(range(MAX_TENSORS), held, strict=False):
            values = local(p)
            if values is None:
                continue
            few = sample(values)
            std = few.std(correction=0) if few.numel() > 1 else torch.zeros((), device=few.device)
            gradient = None if p.grad is None else local(p.grad)
            size = None if gradient is None else torch.linalg.vector_norm(gradient) / event.scale
            before.append(_Before(p, index, torch.linalg.vector_norm(values), std, size, few.clone()))
        self._before = (event.optimizer, session.step, before)

    @torch.no_grad()
    def on_step_end(self, event: Step) -> None:
        kept, self._before = self._before, None
        if kept is None or kept[0] is not event.optimizer:
            return
        _, step, before = kept
        # Names are asked for only now: a closure may have called the model for the first time within the step.
        known = {id(p): name for name, p, _ in self._session.models.parameters()}
        named = [(known.get(id(b.p), f"{event.name}/{b.index}"), b) for b in before]
        write(self._session, step, "param_norm", [(n, b.norm) for n, b in named])
        write(self._session, step, "param_std", [(n, b.std) for n, b in named])
        write(self._session, step, "param_grad_norm", [(n, b.gradient) for n, b in named if b.gradient is not None])
        self._write_updates(step, named)

    def _write_updates(self, step: int, named: list[tuple[str, _Before]]) -> None:
        names, sizes = [], []
        for name, one in named:
            new, old = local(one.p), one.few
            if new is None:
                continue
            few = sample(new)
            if few.shape == old.shape and few.dtype == old.dtype and few.device == old.device:
                names.append(name)
                sizes += [torch.linalg.vector_norm(few - old), torch.linalg.vector_norm(old)]
        numbers = as_floats(sizes)
        # A tensor that was all zero (a fresh bias) has no ratio.
        pairs = zip(names, numbers[::2], numbers[1::2], strict=True)
        ratios = {name: change / size for name, change, size in pairs if size != 0}
        if ratios:
            self._session.recorder.values(step, "update_ratio", ratios)

    def on_finish(self, _ended: str) -> None:
        if self._session.first_step_done:
            return
        reason = "no torch optimizer stepped: between which weights a step lies could not be seen"
        for signal in ("param_norm", "param_std", "param_grad_norm", "update_ratio", "grad_cosine"):
            self._session.recorder.missing(signal, reason)
