"""The autograd graph of a training loss as plain records, each node traced to the user's line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_models import Models
from netvet.capture.torch_ops import ModelCall, Operation, Origin, Recording
from netvet.capture.torch_order import place
from netvet.capture.torch_origins import attribute_site
from netvet.capture.torch_tensors import tensors_in

# A graph larger than this is cut: the faults that a graph shows lie near the loss or repeat in every layer.
MAX_NODES = 5_000
_SAVED = ("dim", "p", "reduction", "keepdim", "eps", "training", "dims", "ignore_index", "min", "max")
_ELEMENTWISE = (
    "add", "sub", "rsub", "mul", "div", "pow", "eq", "ne", "lt", "gt", "true_divide", "subtract", "minimum", "maximum",
    "__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__pow__", "__eq__",
)  # fmt: skip
# What every module has; the rest of its attributes are the user's.
_OF_MODULES = frozenset(vars(nn.Module()))
# Objects of these are not looked into for layers.
_LIBRARIES = ("builtins", "torch", "numpy", "functools", "types")


def op_name(node: Any) -> str:
    """`AddmmBackward0` -> `Addmm`."""
    return re.sub(r"Backward\d*$", "", type(node).__name__)


def describe_graph(recording: Recording, models: Models) -> list[dict[str, Any]]:
    """One record per node, breadth first from the loss (id 0)."""
    root = recording.loss.grad_fn
    if root is None:
        return []
    ids: dict[Any, int] = {root: 0}
    depths, origins = {root: 0}, {root: recording.origins.get(root)}
    order = [root]
    for node in order:
        for following, _ in node.next_functions:
            if following is None or following in ids or len(ids) >= MAX_NODES:
                continue
            ids[following], depths[following] = len(ids), depths[node] + 1
            # What C++ made in one go carries the label of the function that was called.
            origins[following] = recording.origins.get(following) or origins[node]
            order.append(following)
    return [_record(node, ids, depths[node], origins[node], recording.backward, models) for node in order]


def _record(
    node: Any, ids: dict[Any, int], depth: int, origin: Origin | None, backward: str, models: Models
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "backward": backward, "id": ids[node], "op": op_name(node), "depth": depth,
        "next": [ids[n] for n, _ in node.next_functions if n in ids],
        "module": origin.module if origin else None,
        "function": origin.function if origin else None, **place(origin.site if origin else None),
        **place(origin.created if origin else None, "created_"), "saved": _saved(node),
    }  # fmt: skip
    variable = getattr(node, "variable", None)
    if isinstance(variable, torch.Tensor):
        name = models.tensor_name(variable)
        record |= {
            "leaf": "unknown" if name == "?" else "parameter",
            "parameter": None if name == "?" else name,
            "shape": list(variable.shape),
        }
    return record


def _saved(node: Any) -> dict[str, Any]:
    found = {}
    for name in _SAVED:
        try:
            value = getattr(node, f"_saved_{name}", None)
        except RuntimeError:  # freed by the backward pass
            continue
        if isinstance(value, int) and value > 2**31:  # a negative axis comes back as an unsigned number
            value -= 2**64
        if isinstance(value, (int, float, bool)):
            found[name] = value
    return found


def describe_unregistered(
    recording: Recording, models: Models, optimizers: Iterable[torch.optim.Optimizer]
) -> list[dict[str, Any]]:
    """The leaf tensors of the graph that need a gradient and are in no module that was called."""
    if recording.loss.grad_fn is None:
        return []
    held = {id(p) for o in optimizers for g in o.param_groups for p in g["params"]}
    records, seen = [], {recording.loss.grad_fn}
    queue: list[tuple[Any, Origin | None]] = [(recording.loss.grad_fn, None)]
    while queue and len(seen) < 10 * MAX_NODES:
        node, above = queue.pop()
        origin = recording.origins.get(node) or above
        for following, _ in node.next_functions:
            if following is None or following in seen:
                continue
            seen.add(following)
            queue.append((following, origin))
            leaf = getattr(following, "variable", None)
            if isinstance(leaf, torch.Tensor) and models.tensor_name(leaf) == "?":
                records.append(
                    {
                        "shape": list(leaf.shape), "elements": leaf.numel(), "op": op_name(node),
                        **place(origin.site if origin else None), "in_optimizer": id(leaf) in held,
                        **_owner(leaf, models, in_model=origin is not None and bool(origin.module)),
                    }
                )  # fmt: skip
    return records


def _owner(leaf: torch.Tensor, models: Models, *, in_model: bool) -> dict[str, Any]:
    """Attribute path under which a called model holds a tensor without having registered it, and its line."""
    for model in models.called():
        for prefix, module in model.named_modules():
            for name, value in vars(module).items():
                if name in _OF_MODULES:
                    continue
                for path, tensor in _tensors_held(name, value):
                    if tensor is leaf:
                        kept = attribute_site(type(module), name)
                        return {"owner": f"{prefix}.{path}" if prefix else path, **place(kept, "kept_")}
    # What a model reaches as a global or through a closure.
    for module in models.alive() if in_model and isinstance(leaf, nn.Parameter) else ():
        name = next((n for n, p in module._parameters.items() if p is leaf), None)
        if name is not None:
            return {"owner": f"{type(module).__name__}.{name}"}
    return {"owner": None}


def _tensors_held(path: str, value: Any, depth: int = 0) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, nn.Module):
        yield from ((f"{path}.{name}", p) for name, p in value.named_parameters())
    elif isinstance(value, (list, tuple)) and depth < 3:
        for index, part in enumerate(value[:1000]):
            yield from _tensors_held(f"{path}[{index}]", part, depth + 1)
    elif isinstance(value, dict) and depth < 3:
        for key, part in list(value.items())[:1000]:
            yield from _tensors_held(f"{path}[{key!r}]", part, depth + 1)
    elif depth < 3 and type(value).__module__.partition(".")[0] not in _LIBRARIES:
        for key, part in list(getattr(value, "__dict__", {}).items())[:1000]:
            yield from _tensors_held(f"{path}.{key}", part, depth + 1)


def describe_broadcasts(recording: Recording) -> list[dict[str, Any]]:
    """Arithmetic outside models between a model's output and something else whose shape differs and broadcasts."""
    moving: set[int] = set()
    found: dict[str, dict[str, Any]] = {}
    for event in recording.events:
        if isinstance(event, Operation):
            record = _broadcast(event, moving)
            if record is not None:
                found.setdefault(f"{record['file']}:{record['line']}", record)
        if isinstance(event, ModelCall) or any(id(t) in moving for t in tensors_in((event.args, event.kwargs))):
            moving.update(id(t) for t in tensors_in(event.output))
    return list(found.values())


def _broadcast(event: Operation, moving: set[int]) -> dict[str, Any] | None:
    name = getattr(event.function, "__name__", "")
    operands = [a for a in event.args[:2] if isinstance(a, torch.Tensor)]
    if (
        name.rstrip("_") not in (n.rstrip("_") for n in _ELEMENTWISE)
        or len(operands) != 2
        or not isinstance(event.output, torch.Tensor)
    ):
        return None
    left, right = operands
    from_model = [id(t) in moving for t in operands]
    if left.shape == right.shape or sum(from_model) != 1 or min(left.numel(), right.numel()) < 2:
        return None
    shapes = {"left": list(left.shape), "right": list(right.shape), "result": list(event.output.shape)}
    return {"op": name, **shapes, **place(event.site)}
