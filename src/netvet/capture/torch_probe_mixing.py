"""Whether outputs depend on what they must not depend on: other samples, the batch around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_order import place
from netvet.capture.torch_probe_tools import (
    evaluating,
    first_calls,
    float_outputs,
    loss_operations,
    run_call,
)
from netvet.capture.torch_probe_trace import Leak, Trace, first_leak
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_tensors import is_plain, tensors_in

# A change of another sample's output above this share of the outputs' std is a dependence, not rounding.
TOLERANCE = 1e-4
# Batched and single matrix products round differently.
SINGLE_TOLERANCE = 1e-3
PERTURBED, MAX_ELEMENTS = 4, 20_000_000
Change = Callable[[torch.Tensor], torch.Tensor]


@dataclass(slots=True)
class Axes:
    """The sample axis of the inputs and of each output that has it."""

    of_input: int
    size: int
    of_outputs: list[tuple[int, int]]


def inputs_of(call: ModelCall) -> list[torch.Tensor]:
    """The tensors handed to a call, each once."""
    found = {id(t): t for t in tensors_in((call.args, call.kwargs))}
    return list(found.values())


def changed_call(call: ModelCall, changes: dict[int, torch.Tensor]) -> Any:
    """The output of the copy with some inputs replaced."""
    args, kwargs = tree_map_only(torch.Tensor, lambda t: changes.get(id(t), t), (call.args, call.kwargs))
    return run_call(call, args, kwargs)


def testable(calls: Sequence[ModelCall], call: ModelCall) -> bool:
    """A batch of samples goes in: no graph, no sparse input, one of the step's calls of this model."""
    same = sum(c.original is call.original for c in calls)
    tensors = inputs_of(call)
    if same != 1 or not tensors or not all(is_plain(t) and t.numel() <= MAX_ELEMENTS for t in tensors):
        return False
    return not is_graph(tensors)


def is_graph(tensors: list[torch.Tensor]) -> bool:
    """An adjacency matrix or a list of edges is among the inputs: samples are meant to see each other."""
    if len(tensors) < 2:
        return False
    for tensor in tensors:
        square = tensor.dim() == 2 and tensor.shape[0] == tensor.shape[1] and tensor.shape[0] > 1
        edges = tensor.dim() == 2 and 2 in tensor.shape and not tensor.is_floating_point()
        if square or edges or tensor.layout != torch.strided:
            return True
    return False


def steady_outputs(call: ModelCall) -> list[torch.Tensor] | None:
    """The outputs in eval mode; None if two passes from the same state differ, or draw random numbers."""
    first, second = (float_outputs(changed_call(call, {})) for _ in range(2))
    # A model that samples (VAE) draws other numbers for one sample alone than for the same sample in its batch.
    if not torch.equal(torch.get_rng_state(), call.rng):
        return None
    same = len(first) == len(second) and all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    return first if same and first and all(bool(torch.isfinite(o).all()) for o in first) else None


def axes_of(call: ModelCall, outputs: list[torch.Tensor], targets: list[torch.Tensor]) -> list[Axes]:
    """The axes along which samples may lie; only one if the targets tell."""
    main = inputs_of(call)[0]
    found = []
    for axis in range(min(2, main.dim())):
        size = main.shape[axis]
        pairs = [
            (index, place_)
            for index, output in enumerate(outputs)
            if sum(n == size for n in output.shape[:2]) == 1
            for place_, n in enumerate(output.shape[:2])
            if n == size
        ]
        found.append(Axes(axis, int(size), pairs))
    lengths = {int(t.shape[0]) for t in targets if t.dim() and t.dim() <= 2}
    told = [a for a in found if lengths == {a.size}] if len({a.size for a in found}) == len(found) else []
    return told or found


def _swap(tensor: torch.Tensor, axis: int, index: int, other: int) -> torch.Tensor:
    """A copy in which one sample is replaced by another."""
    swapped = tensor.detach().clone()
    swapped.select(axis, index).copy_(tensor.detach().select(axis, other))
    return swapped


def moved_along(old: torch.Tensor, new: torch.Tensor, axis: int) -> torch.Tensor | None:
    """Which positions along an axis differ by more than rounding."""
    if old.shape != new.shape:
        return None
    scale = float(old.double().std()) if old.numel() > 1 else 0.0
    scale = scale or float(old.abs().max()) or 1.0
    gap = (new.double() - old.double()).abs().movedim(axis, 0).reshape(old.shape[axis], -1).amax(1)
    return gap > TOLERANCE * scale


def moving_pairs(call: ModelCall, base: list[torch.Tensor], axes: Axes) -> list[tuple[int, int]] | None:
    """Pairs (changed sample, other sample whose output moved); None if no sample could be changed."""
    tensors = [t for t in inputs_of(call) if t.dim() > axes.of_input and t.shape[axes.of_input] == axes.size]
    found, tried = [], 0
    chosen = list(dict.fromkeys(i * axes.size // PERTURBED for i in range(PERTURBED)))
    for index in chosen:
        other = (index + max(1, axes.size // 2)) % axes.size
        changes = {id(t): _swap(t, axes.of_input, index, other) for t in tensors}
        if all(torch.equal(changes[id(t)], t) for t in tensors):
            continue
        tried += 1
        moved = _moved_samples(call, base, axes, changes)
        if moved is None:
            return None
        found += [(index, j) for j in moved if j != index]
    if not found and tried:
        # Each output may hang on a sample that was not tried: keep one sample, change all others.
        found = [pair for index in chosen[:2] if (pair := _pulled(call, base, axes, tensors, index)) is not None]
    return found if tried else None


def _moved_samples(
    call: ModelCall, base: list[torch.Tensor], axes: Axes, changes: dict[int, torch.Tensor]
) -> list[int] | None:
    """The samples whose outputs differ with these inputs; None where outputs cannot be compared."""
    outputs = float_outputs(changed_call(call, changes))
    if len(outputs) != len(base):
        return None
    moved = torch.zeros(axes.size, dtype=torch.bool)
    for which, axis in axes.of_outputs:
        one = moved_along(base[which], outputs[which], axis)
        if one is None:
            return None
        moved |= one.cpu()
    return [int(j) for j in moved.nonzero().flatten()]


def _pulled(
    call: ModelCall, base: list[torch.Tensor], axes: Axes, tensors: list[torch.Tensor], index: int
) -> tuple[int, int] | None:
    """A sample that moves the output of another one, found by halves: (changed sample, the other one)."""

    def moves(samples: list[int]) -> bool:
        changes = {}
        for tensor in tensors:
            changed = tensor.detach().clone()
            rows = torch.tensor(samples, device=tensor.device)
            changed.index_copy_(
                axes.of_input, rows, tensor.detach().index_select(axes.of_input, (rows + 1) % axes.size)
            )
            changes[id(tensor)] = changed
        return index in (_moved_samples(call, base, axes, changes) or ())

    others = [i for i in range(axes.size) if i != index]
    if not moves(others):
        return None
    while len(others) > 1:
        half = others[: len(others) // 2]
        others = half if moves(half) else others[len(half) :]
    return (others[0], index) if moves(others) else None


def batch_mixing(context: ProbeContext) -> None:
    """Record `batch_mixing` and, where samples do not mix, `batched_differs`."""
    targets = [o.target for o in loss_operations(context.replay)]
    for call in first_calls(context):
        if context.late or not testable(context.replay.calls, call):
            continue
        with evaluating(call):
            base = steady_outputs(call)
            if base is None:
                continue
            results = [(axes, moving_pairs(call, base, axes)) for axes in axes_of(call, base, targets) if axes.size > 1]
            if not results or any(pairs is None for _, pairs in results):
                continue
            free = [axes for axes, pairs in results if not pairs and axes.of_outputs]
            mixed = [(axes, pairs) for axes, pairs in results if pairs and axes.of_outputs]
            # Independent along either axis: the samples may lie along it.
            if free:
                _record_mixing(context, call, free[0], [], base)
                _record_single(context, call, free[0], base)
            elif mixed and (mixed[0][0].of_input == 0 or len(results) == 1) and not one_sample(call):
                _record_mixing(context, call, mixed[0][0], mixed[0][1] or [], base)


def one_sample(call: ModelCall) -> bool:
    """The input may be one sequence or one graph without a batch axis: its elements are meant to see each other."""
    main = inputs_of(call)[0]
    if main.dim() < 2:
        return True
    size = main.shape[0]
    held = [v for m in call.module.modules() for v in (*vars(m).values(), *m._buffers.values())]
    if any(isinstance(v, torch.Tensor) and (v.layout != torch.strided or v.shape[:2] == (size, size)) for v in held):
        return True
    mixers = (nn.RNNBase, nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
    return main.dim() == 2 and main.is_floating_point() and any(isinstance(m, mixers) for m in call.module.modules())


def _record_mixing(
    context: ProbeContext, call: ModelCall, axes: Axes, pairs: list[tuple[int, int]], base: list[torch.Tensor]
) -> None:
    tried = min(PERTURBED, axes.size)
    share = len(pairs) / (tried * (axes.size - 1))
    later = all(j > i for i, j in pairs)
    leak = None
    if pairs:
        index = pairs[0][0]
        other = (index + max(1, axes.size // 2)) % axes.size
        tensors = [t for t in inputs_of(call) if t.dim() > axes.of_input and t.shape[axes.of_input] == axes.size]
        changes = {id(t): _swap(t, axes.of_input, index, other) for t in tensors}
        allowed = torch.zeros(axes.size, dtype=torch.bool)
        allowed[index] = True
        leak = first_mixing(call, changes, axes.size, allowed)
    context.add(
        "batch_mixing",
        {
            "model": context.models.name(call.original), "axis": axes.of_input, "mixed": share,
            "pair": list(pairs[0]) if pairs else None, "mode": "eval", "legal": legal(call),
            **(leak.fields(call.site) if leak else {"op": None, "module": None, **place(call.site)}),
            "structure": None if not pairs else "all" if share > 0.99 else "earlier" if later else "block",
        },
    )  # fmt: skip


def legal(call: ModelCall) -> list[str] | None:
    """Layers that normalise with the batch at hand even in eval mode."""
    batch_norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    names = [n for n, m in call.module.named_modules() if isinstance(m, batch_norms) and m.running_mean is None]
    return names or None


def first_mixing(
    call: ModelCall, changes: dict[int, torch.Tensor], size: int, allowed: torch.Tensor, only: int | None = None
) -> Leak | None:
    """The first operation whose result moves where it must not, along one axis or along any of that size."""

    def leaks(old: torch.Tensor, new: torch.Tensor) -> bool:
        if only is None:
            return _leaks([old], [new], size, allowed)
        moved = moved_along(old, new, only) if old.dim() > 2 and old.shape[:2] == (size, size) else None
        return moved is not None and bool((moved.cpu() & ~allowed).any())

    with Trace() as base:
        changed_call(call, {})
    with Trace() as changed:
        changed_call(call, changes)
    return first_leak(call, base, changed, leaks)


def _leaks(old: list[torch.Tensor], new: list[torch.Tensor], size: int, allowed: torch.Tensor) -> bool:
    """Whether a tensor moved outside the allowed positions along every axis that could be the one."""
    for a, b in zip(old, new, strict=False):
        # Convolutions have what is counted last.
        last = a.dim() == 3 and size not in a.shape[:2]
        moves = [moved_along(a, b, axis) for axis in range(3 if last else min(2, a.dim())) if a.shape[axis] == size]
        if moves and all(m is not None and bool((m.cpu() & ~allowed).any()) for m in moves):
            return True
    return False


def _record_single(context: ProbeContext, call: ModelCall, axes: Axes, base: list[torch.Tensor]) -> None:
    """Record `batched_differs`: one sample alone against the same sample in its batch."""
    tensors = inputs_of(call)
    batched = [t for t in tensors if t.dim() > axes.of_input and t.shape[axes.of_input] == axes.size]
    if len(batched) != len(tensors) or axes.of_input != 0:
        return
    worst, sample, raised = 0.0, 0, None
    for index in dict.fromkeys((0, axes.size // 2, axes.size - 1)):
        changes = {id(t): t.detach().narrow(0, index, 1).clone() for t in batched}
        try:
            outputs = float_outputs(changed_call(call, changes))
        except Exception as error:
            raised, sample = f"{type(error).__name__}: {error}"[:300], index
            break
        if len(outputs) != len(base):
            return
        for which, axis in axes.of_outputs:
            wanted = base[which].select(axis, index)
            if outputs[which].numel() != wanted.numel():
                return
            scale = float(base[which].double().std()) or float(base[which].abs().max()) or 1.0
            gap = float((outputs[which].reshape(-1).double() - wanted.reshape(-1).double()).abs().max()) / scale
            if gap > worst:
                worst, sample = gap, index
    context.add(
        "batched_differs",
        {
            "model": context.models.name(call.original), "max_difference": None if raised else worst,
            "tolerance": SINGLE_TOLERANCE, "sample": sample, "layer": None, **place(call.site), "raised": raised,
        },
    )  # fmt: skip
