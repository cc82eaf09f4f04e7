"""Errors that are clamped before they become a loss: `((p - y).clamp(-1, 1) ** 2).mean()`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from netvet.capture.torch_graph import op_name
from netvet.capture.torch_ops import Operation
from netvet.capture.torch_order import place
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_tensors import is_plain

# Names of functions (their clamp is known by what it does to the values), and of nodes of the graph.
_CLAMPING = ("clamp", "clip", "clamp_max", "hardtanh", "minimum", "fmin")
_SHAPES = {"View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Clone", "ToCopy"}
_REDUCING = {"Mean", "Sum", "Add", "Sub", "Div", "Neg", "Mul", *_SHAPES}
_POWERS = {"Pow", "Abs", "Mul", "Div", "Sqrt", *_SHAPES}
MAX_NODES = 2_000


def clamped_errors(context: ProbeContext) -> None:
    """Record in `loss_contract` what share of the errors a clamp keeps from having a gradient."""
    root = context.recording.loss.grad_fn
    for event in context.replay.events:
        name = getattr(getattr(event, "function", None), "__name__", "")
        if not isinstance(event, Operation) or name not in _CLAMPING or not is_plain(event.output):
            continue
        given = next((a for a in event.args if isinstance(a, torch.Tensor) and a.requires_grad), None)
        node: Any = event.output.grad_fn
        if given is None or node is None or given.numel() < 2 or given.shape != event.output.shape:
            continue
        before, after = given.detach(), event.output.detach()
        high, silent = float(after.max()), before != after
        power = _is_error(node)
        # A bound from below alone makes a hinge.
        upper = bool((before > after).any())
        if power is None or not upper or high <= 0 or not math.isfinite(high) or not _all_of_loss(root, node, power):
            continue
        context.add(
            "loss_contract",
            {
                "site": None, "function": None, "clamped_errors": float(silent.double().mean()), "clamp_max": high,
                **{f"clamp_{k}": v for k, v in place(event.site).items()},
            },
        )  # fmt: skip


def _inputs(node: Any) -> list[Any]:
    return [n for n, _ in node.next_functions if n is not None]


def _is_error(clamp: Any) -> bool | None:
    """Whether what is clamped is a power of an error; None where it is no error (a difference from data) at all."""
    node, power = clamp, False
    for _ in range(MAX_NODES):
        following = set(_inputs(node))
        if len(following) != 1:
            return None
        node = following.pop()
        if op_name(node) in ("Sub", "Rsub"):
            # The difference of two predictions is no error.
            return power if len(_inputs(node)) == 1 else None
        if op_name(node) not in _POWERS:
            return None
        power = power or op_name(node) in ("Pow", "Abs")
    return None


def _all_of_loss(root: Any, clamp: Any, power: bool) -> bool:
    """The clamp alone leads from the error to the loss, and what comes after only squares, scales and reduces."""
    source = _inputs(clamp)[0]
    if source in set(_walk(root, clamp)):
        return False  # a Huber loss by hand takes the error itself along
    seen: set[tuple[Any, bool, bool]] = set()
    queue: list[tuple[Any, bool, bool]] = [(root, True, power)]
    while queue and len(seen) < MAX_NODES:
        node, reducing, raised = state = queue.pop()
        if node is clamp and raised:
            return True
        if node is clamp or state in seen:
            continue
        seen.add(state)
        name = op_name(node)
        reduces = reducing and name in _REDUCING
        if not reduces and name not in _POWERS:
            continue
        above = raised or name in ("Pow", "Abs") or (name == "Mul" and len(_inputs(node)) > 1)
        queue += [(n, reduces, above) for n in _inputs(node)]
    return False


def _walk(root: Any, without: Any) -> Iterator[Any]:
    """The nodes that the loss depends on otherwise than through one of them."""
    queue: list[Any] = [root]
    seen = {root, without}
    while queue and len(seen) < MAX_NODES:
        node = queue.pop()
        yield node
        for following in _inputs(node):
            if following not in seen:
                seen.add(following)
                queue.append(following)
