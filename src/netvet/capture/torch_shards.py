"""Tensors that are spread over processes (DTensor), read without a word to the other processes.

Anything computed from a DTensor may ask the other ranks, and a rank that asks alone waits for ever. So each rank
reads its own shard, and stores sums that the reader of the run puts together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from netvet.capture.torch_events import Session, Step
from netvet.capture.torch_parameter_rows import MAX_TENSORS
from netvet.capture.torch_parameters import as_floats, local, named_parameters
from netvet.capture.torch_sampling import spread


def is_shared(tensor: torch.Tensor) -> bool:
    """The tensor is held by several processes together."""
    mesh = getattr(tensor, "device_mesh", None)
    return mesh is not None and hasattr(tensor, "to_local") and mesh.size() > 1


def own_part(tensor: torch.Tensor) -> torch.Tensor:
    """What this process holds of a tensor, without gradient; of a plain tensor all."""
    tensor = tensor.detach()
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def copies_of(tensor: torch.Tensor, world_size: int) -> int:
    """How many processes hold the very shard that this one holds: all, of a plain tensor."""
    mesh = getattr(tensor, "device_mesh", None)
    if mesh is None:
        return world_size
    sizes = [mesh.size(axis) for axis, placement in enumerate(tensor.placements) if placement.is_replicate()]  # type: ignore[attr-defined]
    return math.prod(sizes)


def own_share(norm: torch.Tensor | None) -> torch.Tensor | None:
    """A norm over sharded tensors as a plain number: this rank's share, whose squares over all ranks add up."""
    if norm is None or not hasattr(norm, "to_local"):
        return norm
    return own_part(norm) / math.sqrt(copies_of(norm, 1))


def shared_norm(gradients: list[torch.Tensor]) -> float:
    """This rank's share of the L2 norm over all gradients: the squares of the shares of all ranks add up."""
    size = _world_size()
    parts = [(values, copies_of(g, size)) for g in gradients if (values := local(g)) is not None]
    norms = as_floats([torch.linalg.vector_norm(values) for values, _ in parts])
    return math.sqrt(sum(norm * norm / copies for norm, (_, copies) in zip(norms, parts, strict=True)))


def _world_size() -> int:
    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


@dataclass(slots=True)
class _Kept:
    """A parameter before a step: a copy of its sampled elements, and the elements that one of them stands for."""

    name: str
    p: torch.Tensor
    few: torch.Tensor
    weight: float


class ShardCollector:
    """Records `shards` and `shard_sums`, for optimizers that hold sharded parameters."""

    part = "sharded parameters"
    sampled = True

    def __init__(self, session: Session) -> None:
        self._session = session
        self._held: dict[str, list[float]] = {}
        self._of: dict[str, list[str]] = {}
        self._before: tuple[Any, int, list[_Kept]] | None = None
        # Optimizer -> its own count of steps, and its sampled gradients at that time.
        self._gradients: dict[str, tuple[int, dict[str, torch.Tensor]]] = {}

    @torch.no_grad()
    def on_step_begin(self, event: Step) -> None:
        self._before = None
        held = [p for group in event.optimizer.param_groups for p in group["params"]]
        if not any(is_shared(p) for p in held[:MAX_TENSORS]):
            return
        step = self._session.step
        count = self._session.steps_of.get(event.name, 0)
        last = self._gradients.pop(event.name, None)
        deep = self._session.deep and not event.moved
        named = list(named_parameters(self._session, event))
        self._describe(event, named)
        now = {n: (_sampled(g) / event.scale, g) for n, p in named if (g := _gradient(p)) is not None}
        if last is not None and last[0] == count - 1:
            self._compare(step, {n: few for n, (few, _) in now.items()}, last[1], named)
        if deep:
            self._gradients[event.name] = (count, {n: few for n, (few, _) in now.items()})
            self._look(event, step, named, {n: whole for n, (_, whole) in now.items()})

    def _describe(self, event: Step, named: list[tuple[str, torch.Tensor]]) -> None:
        known = self._of.get(event.name)
        if known == [name for name, _ in named]:
            return
        size = _world_size()
        self._of[event.name] = [name for name, _ in named]
        self._held |= {name: [own_part(p).numel(), copies_of(p, size)] for name, p in named}
        first = next(iter(self._of))
        keys = {name: "(all)" if name == first else f"{name} (all)" for name in self._of}
        record = {"world_size": size, "optimizers": self._of, "keys": keys, "parameters": self._held}
        self._session.recorder.facts("shards", [record])

    def _look(
        self, event: Step, step: int, named: list[tuple[str, torch.Tensor]], gradients: dict[str, torch.Tensor]
    ) -> None:
        keys, numbers, kept = [], [], []
        for name, p in named:
            values = local(p)
            if values is None:
                continue
            few = _sampled(values)
            variance, mean = torch.var_mean(few.double() if few.device.type != "mps" else few, correction=0)
            keys += [f"{name} norm", f"{name} mean", f"{name} variance"]
            numbers += [torch.linalg.vector_norm(values), mean.real, variance]
            if name in gradients:
                keys.append(f"{name} grad")
                numbers.append(torch.linalg.vector_norm(gradients[name]) / event.scale)
            kept.append(_Kept(name, p, few, values.numel() / few.numel()))
        self._write(step, keys, numbers)
        self._before = (event.optimizer, step, kept)

    def _compare(
        self, step: int, now: dict[str, torch.Tensor], old: dict[str, torch.Tensor], named: list[tuple[str, Any]]
    ) -> None:
        keys, numbers = [], []
        sizes = {name: own_part(p).numel() for name, p in named}
        for name, new in now.items():
            before = old.get(name)
            if before is None or before.shape != new.shape or before.dtype != new.dtype:
                continue
            weight = sizes[name] / new.numel()
            keys += [f"{name} dot", f"{name} old", f"{name} new"]
            numbers += [weight * torch.vdot(a, b).real for a, b in ((before, new), (before, before), (new, new))]
        self._write(step, keys, numbers)

    @torch.no_grad()
    def on_step_end(self, event: Step) -> None:
        before, self._before = self._before, None
        if before is None or before[0] is not event.optimizer:
            return
        _, step, kept = before
        keys, numbers = [], []
        for one in kept:
            values = local(one.p)
            new = None if values is None else _sampled(values)
            if new is None or new.shape != one.few.shape or new.dtype != one.few.dtype:
                continue
            root = math.sqrt(one.weight)
            keys += [f"{one.name} change", f"{one.name} before"]
            numbers += [root * torch.linalg.vector_norm(v) for v in (new - one.few, one.few)]
        self._write(step, keys, numbers)

    def _write(self, step: int, keys: list[str], numbers: list[torch.Tensor]) -> None:
        if keys:
            values = dict(zip(keys, as_floats(numbers), strict=True))
            self._session.recorder.values(step, "shard_sums", values)

    def on_finish(self, _ended: str) -> None:
        self._gradients.clear()
        self._before = None


def _sampled(values: torch.Tensor) -> torch.Tensor:
    """A copy of evenly spread elements, flat."""
    return (values if values.is_complex() else spread(values)).reshape(-1).clone()


def _gradient(p: torch.Tensor) -> torch.Tensor | None:
    """This rank's part of a gradient; None where there is none, or one of sparse rows."""
    return None if p.grad is None or p.grad.is_sparse else local(p.grad)
