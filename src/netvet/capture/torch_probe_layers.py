"""The layers before the first update: the scale of signals and gradients with depth, units that are equal."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_graph import op_name
from netvet.capture.torch_models import plain_name
from netvet.capture.torch_order import place
from netvet.capture.torch_probe_tools import module_outputs
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_tensors import finite

_GAINS = {"Relu": 2.0, "LeakyRelu": 2.0, "Gelu": 2.0, "Silu": 2.0, "Elu": 2.0, "Tanh": 25.0 / 9.0, "Sigmoid": 1.0}
_WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd)
MAX_UNITS, MAX_LAYERS = 4096, 500
# The std of fewer values than this says nothing about a layer: one sample and two actions, say.
MIN_VALUES = 64


def depth_scale(context: ProbeContext) -> None:
    """Record `depth_scale`."""
    for model, original in _models(context):
        seen: dict[str, tuple[nn.Module, torch.Tensor, float, float]] = {}
        again: dict[str, list[float]] = {}

        def see(name: str, module: nn.Module, _given: Any, output: Any, into: Any = seen, more: Any = again) -> None:
            if isinstance(module, _WEIGHTED) and isinstance(output, torch.Tensor):
                values = output.detach().float()
                more.setdefault(name, []).append(float(values.std(correction=0)))
                std = more[name][-1] if values.numel() >= MIN_VALUES else math.nan
                into[name] = into.get(name) or (module, output, std, float(values.mean()))

        with torch.enable_grad(), module_outputs(model, see):
            loss = context.replay.run().loss
            if len(seen) < 2 or len(seen) > MAX_LAYERS or not loss.requires_grad:
                continue
            outputs = [o for _, o, _, _ in seen.values()]
            if not all(o.requires_grad for o in outputs):
                continue
            gradients = torch.autograd.grad(loss.sum(), outputs, allow_unused=True)
        activation = _nonlinearity(context)
        layers = [
            _layer(name, *found[:1], found[2], found[3], gradient, activation) | _repeated(again[name])
            for (name, found), gradient in zip(seen.items(), gradients, strict=True)
        ]
        inner = _feeding(outputs)
        hidden = [layer for i, layer in enumerate(layers) if i in inner] or layers[:-1]
        context.add(
            "depth_scale",
            {
                "model": context.models.name(original), "layers": layers, "nonlinearity": activation,
                "activation_ratio": _ratio(hidden[-1]["activation_std"], hidden[0]["activation_std"]),
                "gradient_ratio": _ratio(layers[0]["gradient_std"], layers[-1]["gradient_std"]),
                "weighted_layers": len(layers),
            },
        )  # fmt: skip


def _feeding(outputs: list[torch.Tensor]) -> set[int]:
    """Which of the outputs go into another one: the others are heads, whose scale is a matter of the loss."""
    index = {output.grad_fn: i for i, output in enumerate(outputs)}
    found: set[int] = set()
    for output in outputs:
        queue = [n for n, _ in output.grad_fn.next_functions if n is not None] if output.grad_fn else []
        seen = set(queue)
        while queue:
            node = queue.pop()
            if node in index:
                found.add(index[node])
                continue  # what is behind it is found from there
            new = {n for n, _ in node.next_functions if n is not None and n not in seen}
            seen |= new
            queue += new
    return found


def _models(context: ProbeContext) -> list[tuple[nn.Module, nn.Module]]:
    return list({id(c.model): (c.model, c.original) for c in context.replay.calls}.values())


def _layer(
    name: str, module: Any, std: float, mean: float, gradient: torch.Tensor | None, activation: str | None
) -> dict[str, Any]:
    weight = module.weight.detach()
    fan_in = nn.init._calculate_fan_in_and_fan_out(weight)[0]
    return {
        "name": name, "cls": type(module).__name__, "activation_std": finite(std), "activation_mean": finite(mean),
        "gradient_std": finite(float(gradient.float().std(correction=0))) if gradient is not None else None,
        "weight_std": finite(float(weight.float().std(correction=0))), "fan_in": fan_in,
        "suggested_std": math.sqrt(_GAINS.get(activation or "", 1.0) / fan_in) if fan_in else None,
    }  # fmt: skip


def _repeated(stds: list[float]) -> dict[str, Any]:
    """For a layer that is called again and again (a step of time each): how its output grows from call to call."""
    sizes = [s for s in stds if s > 0 and math.isfinite(s)]
    if len(sizes) < 3 or len(sizes) < len(stds) - 1:  # the first may see a state of zeros
        return {"calls": len(stds), "growth": None}
    return {"calls": len(stds), "growth": sizes[-1] / sizes[0]}


def _ratio(first: float | None, second: float | None) -> float | None:
    return first / second if first is not None and second else None


def _nonlinearity(context: ProbeContext) -> str | None:
    """The most common activation in the graph."""
    root = context.recording.loss.grad_fn
    if root is None:
        return None
    queue, seen, counts = [root], {root}, Counter[str]()
    while queue and len(seen) < 5000:
        node = queue.pop()
        counts[op_name(node)] += op_name(node) in _GAINS
        new = {n for n, _ in node.next_functions if n is not None and n not in seen}
        seen |= new
        queue += new
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    return name if count else None


def symmetric_units(context: ProbeContext) -> None:
    """Record `symmetric_units`: only layers that have units with equal weights, or no weights but zero."""
    models = _models(context)
    found = [
        (plain_name(name), module, original)
        for model, original in models
        for name, module in model.named_modules()
        if isinstance(module, _WEIGHTED) and not getattr(module, "transposed", False)
    ]
    weights = [m.weight for _, m, _ in found]
    if not weights:
        return
    with torch.enable_grad():
        loss = context.replay.run().loss
        if not loss.requires_grad:
            return
        wanted = [w for w in weights if w.requires_grad]
        gradients = dict(zip(map(id, wanted), torch.autograd.grad(loss.sum(), wanted, allow_unused=True), strict=True))
    for name, module, original in found:
        record = _symmetry(module, gradients.get(id(module.weight)))
        if record is not None:
            full = context.models.prefix(original) + name
            context.add(
                "symmetric_units",
                {
                    "parameter": f"{full}.weight", "layer": full, **record, "layers_with_weights": len(found),
                    **place(None),
                },
            )  # fmt: skip


def _symmetry(module: Any, gradient: torch.Tensor | None) -> dict[str, Any] | None:
    rows = module.weight.detach().flatten(1)
    if gradient is None or not 2 <= len(rows) <= MAX_UNITS:
        return None
    if isinstance(module.bias, torch.Tensor):
        rows = torch.cat((rows, module.bias.detach()[:, None]), 1)
    zero = not bool(module.weight.detach().any())
    _, groups, counts = torch.unique(rows, dim=0, return_inverse=True, return_counts=True)
    twins = counts[groups] > 1
    if not zero and not bool(twins.any()):
        return None
    slopes = gradient.detach().flatten(1)
    first = torch.stack([(groups == g).nonzero()[0, 0] for g in groups]) if len(rows) else groups
    scale = float(slopes.abs().max())
    gap = (slopes - slopes[first]).abs().amax(1)
    same = torch.zeros_like(twins)
    if scale > 0:
        # Equal to rounding; without any gradient (masked away) a unit shows nothing: other samples may tell it apart.
        close = (gap <= 1e-5 * scale) & (slopes.abs().amax(1) > 1e-5 * scale)
        # A group counts with those of its units that have the gradient of its first one, if there are several.
        for group in groups[twins].unique():
            inside = (groups == group) & close
            if int(inside.sum()) > 1:
                same |= inside
    return {
        "units": len(rows), "identical": int(twins.sum()), "identical_gradients": int(same.sum()),
        "zero": zero, "zero_gradient": scale == 0.0,
    }  # fmt: skip
