"""Whether what stands at padded positions changes the other outputs, or the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_order import place
from netvet.capture.torch_padded_targets import padded_targets
from netvet.capture.torch_probe_mixing import changed_call, inputs_of
from netvet.capture.torch_probe_padding import Padding, paddings
from netvet.capture.torch_probe_tools import LossOperation, evaluating, first_calls, float_outputs, loss_operations
from netvet.capture.torch_probe_trace import Trace, first_leak
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_tensors import is_plain, tensors_in

# A change above this share of an output's std is a dependence, not rounding.
TOLERANCE = 1e-4
# Layers that have no mask to apply, and let neighbours see each other.
LOCAL = ("LSTM", "GRU", "RNN", "Conv", "MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool")
MAX_ELEMENTS = 20_000_000


def mask_probe(context: ProbeContext) -> None:
    """Record `mask_probe` for each model that is called with padded sequences."""
    for call in first_calls(context):
        tensors = inputs_of(call)
        once = sum(c.original is call.original for c in context.replay.calls) == 1
        if context.late or not once or not all(is_plain(t) and t.numel() <= MAX_ELEMENTS for t in tensors):
            continue
        records = [_record(context, call, padding) for padding in paddings(call)]
        if records:
            context.add("mask_probe", max(records, key=lambda r: (r["output_changes"] or 0, r["loss_changes"] or 0)))


def _record(context: ProbeContext, call: ModelCall, padding: Padding) -> dict[str, Any]:
    base, changed = (_trace(call, padding, fill=fill) for fill in (False, True))
    mask, mask_site = padding.mask, None
    if mask is None and not padding.content.is_floating_point():  # else other content makes another mask
        mask, mask_site = _made_inside(base[0], padding)
    changes, leak = None, None
    if base[1] and changed[1] and len(base[1]) == len(changed[1]):
        changes = _changes(base[1], changed[1], padding)
        if changes is not None and changes > TOLERANCE:
            leak = first_leak(call, base[0], changed[0], lambda a, b: (_leaked(a, b, padding) or 0.0) > TOLERANCE)
    losses = loss_operations(context.replay)
    inner = padded_targets(padding, losses)
    return {
        "model": context.models.name(call.original), "mask": mask, "given": True, "declared": padding.sure,
        "output_changes": changes, "tolerance": TOLERANCE,
        "loss_changes": inner.changes if inner is not None else _loss_changes(context, call, padding, losses),
        "op": leak.op if leak else None, "module": leak.module if leak else None, "cls": leak.cls if leak else None,
        **place((_applied(base[0]) if leak else None) or (leak.site if leak else None) or mask_site or call.site),
        **{f"loss_{k}": v for k, v in (losses[0].place if len(losses) == 1 else place(None)).items()},
        "pad_share": float(padding.pads.double().mean()), "pad_value": padding.value,
        "ignore_index_used": inner.ignored if inner is not None else any(map(_ignores, losses)),
    }  # fmt: skip


def _changes(old: list[torch.Tensor], new: list[torch.Tensor], padding: Padding) -> float | None:
    every = (_leaked(a, b, padding) for a, b in zip(old, new, strict=True))
    return max((c for c in every if c is not None), default=None)


def filled_changes(call: ModelCall, padding: Padding) -> float | None:
    """Change of the outputs outside padded positions, in stds, when other content stands at these.

    None where it cannot be told, and where the operation that lets it through runs over neighbours (a recurrent net, a
    convolution): many models learn to live with it.
    """
    base, changed = (_trace(call, padding, fill=fill) for fill in (False, True))
    if not base[1] or len(base[1]) != len(changed[1]):
        return None
    changes = _changes(base[1], changed[1], padding)
    if changes is None or changes <= TOLERANCE:
        return changes
    leak = first_leak(call, base[0], changed[0], lambda a, b: (_leaked(a, b, padding) or 0.0) > TOLERANCE)
    return None if leak is not None and str(leak.cls).startswith(LOCAL) else changes


def _ignores(operation: LossOperation) -> bool:
    index = operation.arguments.get("ignore_index")
    return isinstance(index, int) and bool((operation.target == index).any())


def _trace(call: ModelCall, padding: Padding, *, fill: bool) -> tuple[Trace, list[torch.Tensor]]:
    """Run the copy in eval mode, with other content at the padded positions if asked for.

    Ids are left as they are, and what their embedding gives is changed: the model may make its mask from the ids.
    """
    content, touched = padding.content, [padding.content.is_floating_point() or not fill]

    def alter(name: str, args: tuple[Any, ...], output: Any) -> Any:
        if name != "embedding" or not fill or not args or not isinstance(output, torch.Tensor):
            return output
        ids = args[0]
        if ids.shape != content.shape or not torch.equal(ids, content) or output.shape[:2] != content.shape:
            return output
        touched[0] = True
        return padding.filled(output)

    same = (t for t in inputs_of(call) if t.data_ptr() == content.data_ptr() and t.shape == content.shape)
    original = next(same, None)
    direct = fill and content.is_floating_point() and original is not None
    changes = {id(original): padding.filled(content)} if direct else {}
    # With gradients on: without, PyTorch's encoder takes a path that leaves padded positions out.
    with evaluating(call), torch.enable_grad(), Trace(alter) as trace:
        outputs = float_outputs(changed_call(call, changes))
    return trace, [o.clone() for o in outputs] if touched[0] else []


def _made_inside(trace: Trace, padding: Padding) -> tuple[str | None, Any]:
    """A mask that the model makes from the ids itself."""
    for step in trace.steps:
        for flags in step.flags:
            plain = flags.squeeze() if flags.dim() > 2 else flags
            for pads in (padding.pads, padding.pads.T):
                if plain.shape == pads.shape and (torch.equal(plain, pads) or torch.equal(~plain, pads)):
                    return f"the result of {step.op.strip('_')}", step.site
    return None, None


def _applied(trace: Trace) -> Any:
    """The only line that fills masked positions, where there is one: what still leaks is wrong there."""
    sites = {s.site for s in trace.steps if s.op in ("masked_fill", "masked_fill_") and s.site is not None}
    return sites.pop() if len(sites) == 1 else None


def _leaked(old: torch.Tensor, new: torch.Tensor, padding: Padding) -> float | None:
    """Largest change outside padded positions, in stds; None where it cannot be told which positions these are."""
    laid = [_samples_first(t, padding) for t in (old, new)]
    if old.shape != new.shape or laid[0] is None or laid[1] is None:
        return None
    gap = (laid[1].double() - laid[0].double()).abs()
    allowed = torch.zeros(gap.shape, dtype=torch.bool, device=gap.device)
    samples, steps = padding.pads.shape
    for axis in range(1, gap.dim()):
        if gap.shape[axis] == steps:
            shape = [samples] + [steps if i == axis else 1 for i in range(1, gap.dim())]
            allowed |= padding.pads.to(gap.device).reshape(shape)
    gap = gap.masked_fill(allowed, 0.0).nan_to_num(0.0, 0.0)  # masked scores are infinite before and after
    finite = old.double()[torch.isfinite(old)]
    scale = (float(finite.std()) if finite.numel() > 1 else 0.0) or 1.0
    return float(gap.max()) / scale


def _samples_first(tensor: torch.Tensor, padding: Padding) -> torch.Tensor | None:
    """A tensor as [N, ...] with time along an axis of its own, if it can be told."""
    samples, steps = padding.pads.shape
    shape = tuple(tensor.shape)
    if shape[0] == samples * steps:
        first = (samples, steps) if padding.batch_first else (steps, samples)
        tensor = tensor.reshape(*first, -1)
        return tensor if padding.batch_first else tensor.transpose(0, 1)
    if len(shape) > 1 and shape[0] in (1, 2, 4, steps) and shape[1] == samples and shape[0] != samples:
        return tensor.transpose(0, 1)
    if shape[0] == samples:
        return tensor
    if shape[0] % samples == 0 and steps in shape[1:]:
        return tensor.reshape(samples, -1, *shape[1:])
    return None


def _loss_changes(
    context: ProbeContext, call: ModelCall, padding: Padding, losses: list[LossOperation]
) -> float | None:
    """Change of the loss when only the outputs at padded positions change.

    None where the loss is not one of single positions: the outputs are pooled first, or go into another model.
    """
    if call is not context.replay.calls[-1] or not _by_position(losses, padding):
        return None
    found = None
    for output in tensors_in(call.output):
        restore = _like_content(output.detach(), padding) if is_plain(output) else None
        if not output.is_floating_point() or restore is None:
            continue
        with torch.no_grad():
            before = float(context.replay.run().loss.detach())
            after = float(context.replay.run({id(output): restore(padding.filled)}).loss.detach())
        found = max(found or 0.0, abs(after - before))
    return found


def _like_content(
    output: torch.Tensor, padding: Padding
) -> Callable[[Callable[[torch.Tensor], torch.Tensor]], torch.Tensor] | None:
    """A function that applies another to the output laid out as the content; None if it has no such axes."""
    first = padding.content.shape[:2]
    if output.dim() >= 2 and output.shape[:2] == first:
        return lambda change: change(output)
    if output.dim() >= 2 and output.shape[0] == first[0] * first[1]:
        return lambda change: change(output.reshape(*first, -1)).reshape(output.shape)
    return None


def _by_position(losses: list[LossOperation], padding: Padding) -> bool:
    """Each position has a target of its own, and those of padded positions are all the same."""
    for operation in losses:
        target = operation.target.detach()
        if target.numel() % padding.pads.numel():
            return False
        laid = padding.batched(target.reshape(*padding.content.shape[:2], -1))[padding.pads]
        if not bool((laid == laid[0]).all()):
            return False
        if not padding.sure and target.numel() == padding.content.numel():
            same = torch.equal(target.reshape(padding.content.shape).to(padding.content.dtype), padding.content)
            if same and target.is_floating_point():
                return False  # an autoencoder gives the ends back as well: they may be part of the data
    return bool(losses) or padding.sure
