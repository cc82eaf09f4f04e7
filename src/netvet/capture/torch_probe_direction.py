"""Whether a step down a loss of unknown form brings predictions nearer to the data that they are compared with."""

from __future__ import annotations

from typing import Any

import torch

from netvet.capture.torch_graph import op_name
from netvet.capture.torch_hand_losses import Steps
from netvet.capture.torch_order import place
from netvet.capture.torch_probe_tools import loss_operations
from netvet.capture.torch_probes import ProbeContext

_DIFFERENCES = ("sub", "rsub", "__sub__", "__rsub__", "subtract", "cosine_similarity", "pairwise_distance", "cdist")
_PRODUCTS = ("mul", "__mul__", "__rmul__", "multiply")
_VIEWS = ("View", "UnsafeView", "Squeeze", "Unsqueeze", "Select", "Slice", "Clone")
# Fewer samples with a gradient show no direction.
FEWEST = 8
# Share of samples that must agree: a loss that pulls some and pushes others has no one direction.
AGREE = 0.99


def direction(context: ProbeContext) -> None:
    """Record `loss_contract` of losses written by hand that equal no standard one: only their direction."""
    if loss_operations(context.replay):
        return
    steps = Steps(context.replay.events, context.recording.loss)
    for index, prediction, data in steps.merges():
        event = steps.kept[index]
        name = getattr(getattr(event, "function", None), "__name__", "")
        if prediction.shape != data.shape or not _compares(name, prediction, data):
            continue
        nearer = _nearer(context, prediction, data.detach().to(prediction.dtype))
        if nearer is not None:
            record: dict[str, Any] = {"site": str(event.site or "?"), **place(event.site), "function": None}
            context.add("loss_contract", {**record, "descends_toward_target": nearer})
            return


def _compares(name: str, prediction: torch.Tensor, data: torch.Tensor) -> bool:
    """A difference, or the overlap of probabilities with a mask; data that never vary (real, fake) compare nothing."""
    if bool((data == data.reshape(-1)[0]).all()):
        return False
    if name in _DIFFERENCES:
        return True
    node: Any = prediction.grad_fn
    while node is not None and op_name(node) in _VIEWS and node.next_functions:
        node = node.next_functions[0][0]
    probable = node is not None and op_name(node) in ("Sigmoid", "Softmax")
    return name in _PRODUCTS and probable and bool(((data == 0) | (data == 1)).all())


def _nearer(context: ProbeContext, prediction: torch.Tensor, data: torch.Tensor) -> bool | None:
    with torch.enable_grad():
        given = prediction.detach().clone().requires_grad_()
        loss = context.replay.run({id(prediction): given * 1.0}).loss
        if loss.dim() != 0 or not loss.requires_grad:
            return None
        gradient = torch.autograd.grad(loss, [given], allow_unused=True)[0]
    if gradient is None or not bool(torch.isfinite(gradient).all()):
        return None
    moves = -gradient.double() * (data - given.detach()).double()
    each = moves.reshape(moves.shape[0], -1).sum(1) if moves.dim() and moves.shape[0] > 1 else moves.reshape(-1)
    each = each[each != 0]
    if len(each) < FEWEST:
        return None
    toward = float((each > 0).double().mean())
    return True if toward >= AGREE else False if toward <= 1 - AGREE else None
