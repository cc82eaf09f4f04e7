"""Whether outputs depend on later time steps, in a model that is trained to predict what comes next."""

from __future__ import annotations

from collections.abc import Callable

import torch

from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_order import place
from netvet.capture.torch_probe_mixing import (
    changed_call,
    first_mixing,
    inputs_of,
    moved_along,
    steady_outputs,
    testable,
)
from netvet.capture.torch_probe_tools import LossOperation, evaluating, first_calls, float_outputs, loss_operations
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_tensors import tensors_in

# Columns of a sample at one time that are compared with the target, at most.
MAX_COLUMNS = 64
# An output with batch and time as its first two axes.
Ordered = Callable[[torch.Tensor], torch.Tensor]


def future_leak(context: ProbeContext) -> None:
    """Record `future_leak`, where the targets are the inputs one step later."""
    operations = loss_operations(context.replay)
    targets = [o.target.detach() for o in operations]
    for call in first_calls(context):
        tensors = inputs_of(call)
        if context.late or not testable(context.replay.calls, call):
            continue
        found = shifted(tensors, targets or tensors[1:])
        if found is None:
            continue
        tensor, axis = found
        with evaluating(call):
            outputs = steady_outputs(call)
            if outputs is not None:
                _record_leak(context, call, tensor, axis, outputs, operations)


def shifted(tensors: list[torch.Tensor], targets: list[torch.Tensor]) -> tuple[torch.Tensor, int] | None:
    """The input that is one of the targets one step earlier, and its time axis."""
    for tensor in tensors:
        if tensor.dim() not in (2, 3) or tensor.numel() == 0:
            continue
        for target in targets:
            if target is tensor or target.device != tensor.device:
                continue
            for part in _parts(tensor, target):
                wanted = target.reshape(part.shape)
                # Convolutions have time last.
                axis = next((axis for axis in (1, 0, 2)[: part.dim()] if _is_next(part, wanted, axis)), None)
                if axis is not None:
                    return tensor.detach(), axis
    return None


def _parts(tensor: torch.Tensor, target: torch.Tensor) -> list[torch.Tensor]:
    """What of an input has as many numbers as the target: all of it, or one column at each time."""
    if target.numel() == tensor.numel():
        return [tensor]
    if tensor.dim() == 3 and target.numel() == tensor[..., 0].numel() and target.shape[:2] == tensor.shape[:2]:
        return [tensor[..., column] for column in range(min(tensor.shape[2], MAX_COLUMNS))]
    return []


def _is_next(tensor: torch.Tensor, wanted: torch.Tensor, axis: int) -> bool:
    """Whether the one is the other one step later."""
    steps = tensor.shape[axis]
    if steps < 4:
        return False
    later, aimed = tensor.narrow(axis, 1, steps - 1), wanted.narrow(axis, 0, steps - 1)
    # Constant sequences are their own shift.
    moving = bool((later != tensor.narrow(axis, 0, steps - 1)).double().mean() > 0.2)
    return moving and bool((later == aimed).double().mean() > 0.99)


def _record_leak(
    context: ProbeContext,
    call: ModelCall,
    tensor: torch.Tensor,
    axis: int,
    outputs: list[torch.Tensor],
    operations: list[LossOperation],
) -> None:
    original = next(t for t in inputs_of(call) if t.data_ptr() == tensor.data_ptr())
    sizes = (tensor.shape[0], tensor.shape[max(axis, 1)])
    by_class = _classes_first(context, call, operations)
    found = [(i, s) for i, o in enumerate(outputs) if (s := ordered_by(o, sizes, by_class=by_class)) is not None]
    if not found:
        return
    which, ordered = found[0]

    def differs(later: torch.Tensor) -> torch.Tensor | None:
        others = float_outputs(changed_call(call, {id(original): later}))
        if len(others) != len(outputs) or others[which].shape != outputs[which].shape:
            return None
        return moved_along(ordered(outputs[which]), ordered(others[which]), min(axis, 1))

    seen = _leaks(tensor, axis, differs)
    if seen is None:
        return
    share, pair, later = seen
    leak = None
    if pair is not None:
        only = axis if sizes[0] == sizes[1] and axis < 2 else None  # else the shape tells which axis is time
        steps = tensor.shape[axis]
        leak = first_mixing(call, {id(original): later}, steps, torch.arange(steps) >= pair[1], only)
    where = leak.fields(call.site) if leak else {"op": None, "module": None, **place(call.site)}
    context.add(
        "future_leak",
        {
            "model": context.models.name(call.original), "leaks": share, "pair": pair, "shift": 1,
            "autoregressive": "target is input shifted by 1", **where,
        },
    )  # fmt: skip


def _leaks(
    tensor: torch.Tensor, axis: int, differs: Callable[[torch.Tensor], torch.Tensor | None]
) -> tuple[float, list[int] | None, torch.Tensor] | None:
    """Share of the earlier outputs that move with later inputs, the first such pair, and the input that showed it."""
    steps, samples = tensor.shape[axis], 1 if axis == 0 else 0
    leaking, tested, pair, shown = 0, 0, None, tensor
    for last in sorted({0, steps // 3, steps // 2, steps - 2}):
        later = tensor.clone()
        # Another order of the same values: the other samples' for a batch, turned round for a single one.
        rest = later.narrow(axis, last + 1, steps - last - 1)
        rest.copy_(rest.roll(1, samples) if tensor.shape[samples] > 1 else rest.flip(axis))
        if torch.equal(later, tensor):
            continue
        moved = differs(later)
        if moved is None:
            return None
        tested += last + 1
        early = moved[: last + 1]
        leaking += int(early.sum())
        if bool(early.any()) and pair is None:
            pair, shown = [int(early.nonzero()[0]), last + 1], later
    return (leaking / tested, pair, shown) if tested else None


def _classes_first(context: ProbeContext, call: ModelCall, operations: list[LossOperation]) -> bool:
    """A loss takes the classes of the model's output along its second axis, as it is."""
    own = {id(t) for e in context.replay.events if e is call for t in tensors_in(e.output)}
    return any(id(o.input) in own and o.input.dim() > 2 and o.class_axis == 1 for o in operations)


def ordered_by(output: torch.Tensor, sizes: tuple[int, int], *, by_class: bool) -> Ordered | None:
    """How to make batch and time of an output the first axes, as in the input; None where it has no such axes."""
    first, second = sizes
    # Convolutions and cross_entropy have time last: [batch, classes, time].
    last = output.dim() > 2 and (output.shape[0], output.shape[-1]) == (first, second)
    if output.dim() >= 2 and output.shape[:2] == (first, second) and not (last and by_class):
        return lambda o: o
    if last:
        return lambda o: o.movedim(-1, 1)
    if output.dim() > 2 and output.shape[:2] == (second, first):
        return lambda o: o.transpose(0, 1)
    if output.dim() >= 2 and output.shape[0] == first * second:
        return lambda o: o.reshape(first, second, -1)
    return None
