"""How the training loss behaves when it is fed with perfect, constant and wrong predictions."""

from __future__ import annotations

import math
from typing import Any

import torch

from netvet.capture.torch_graph import op_name
from netvet.capture.torch_ops import Recording
from netvet.capture.torch_order import place
from netvet.capture.torch_probe_start import best_constant
from netvet.capture.torch_probe_tools import LossOperation, feeds_loss_once, loss_operations
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_tensors import finite

_CLASSES, _BINARY = ("cross_entropy", "nll_loss"), ("binary_cross_entropy", "binary_cross_entropy_with_logits")
_REGRESSION = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
# Logit of a sure prediction: exp(-20) is below the rounding of float32.
SURE = 20.0
_RANGES = {
    "Sigmoid": (0.0, 1.0), "Softmax": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Relu": (0.0, None), "Softplus": (0.0, None),
    "LogSoftmax": (None, 0.0), "LogSigmoid": (None, 0.0), "Exp": (0.0, None),
}  # fmt: skip
_VIEWS = (
    "View",
    "UnsafeView",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "T",
    "Permute",
    "Select",
    "Slice",
    "Clone",
    "Alias",
)


def loss_contract(context: ProbeContext) -> None:
    """Record `loss_contract`."""
    for operation in loss_operations(context.replay):
        if not feeds_loss_once(context, operation):
            continue  # a prediction that enters the loss in two ways cannot be replaced in one
        perfect, wrong = _perfect(operation)
        if perfect is None or wrong is None:
            continue
        total = _Total(context, operation)
        low, high = _output_range(operation)
        constant = best_constant(operation)
        reached = perfect.clamp(low, high) if low is not None or high is not None else None
        target = operation.target.detach()
        real = operation.function in (*_REGRESSION, *_BINARY)
        slope = total.slopes()
        context.add(
            "loss_contract",
            {
                "site": operation.site, **operation.place, "function": operation.function,
                "perfect": total(perfect), "constant": total(constant) if constant is not None else None,
                "worst": total(wrong), "floor": total(reached) if reached is not None else None,
                "descends_toward_target": slope, "unbounded_below": _falls_for_ever(total, wrong, low, high),
                "output_range": [low, high],
                "target_range": [float(target.min()), float(target.max())] if real else None,
                **_clamped(context, operation, total), "batch_scaling": _batch_scaling(context, operation),
            },
        )  # fmt: skip


class _Total:
    """The loss given to backward as a function of the input of one loss function."""

    def __init__(self, context: ProbeContext, operation: LossOperation) -> None:
        self._context, self._operation = context, operation

    def tensor(self, prediction: torch.Tensor) -> torch.Tensor:
        loss = self._context.replay.run({id(self._operation.input): prediction}).loss
        return loss if loss.dim() == 0 else loss.sum()

    def __call__(self, prediction: torch.Tensor) -> float | None:
        with torch.no_grad():
            return finite(float(self.tensor(prediction)))

    def gradients(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """At the recorded prediction: of the whole loss, and of the loss function alone."""
        with torch.enable_grad():
            given = self._operation.input.detach().clone().requires_grad_()
            total = self.tensor(given * 1.0)
            alone = self._operation(given).sum()
            if not total.requires_grad or not alone.requires_grad:
                return None
            whole = torch.autograd.grad(total, [given], allow_unused=True)[0]
            return None if whole is None else (whole, torch.autograd.grad(alone, [given])[0])

    def slopes(self) -> bool | None:
        """Whether going down the whole loss goes down the loss function itself; None where it is level."""
        found = self.gradients()
        if found is None:
            return None
        whole, alone = (g.detach().double().flatten() for g in found)
        size = float(whole.norm() * alone.norm())
        if not size or not math.isfinite(size):
            return None
        cosine = float(whole @ alone) / size
        return cosine > 0 if abs(cosine) > 0.1 else None


def _perfect(operation: LossOperation) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The best possible prediction for these targets, and a surely wrong one."""
    given, target, name = operation.input.detach(), operation.target.detach(), operation.function
    if name in _CLASSES:
        return _one_hot(operation)
    if target.shape != given.shape or target.is_complex() or not bool(torch.isfinite(target).all()):
        return None, None
    target = target.to(given.dtype)
    if name in _BINARY:
        if bool(((target < 0) | (target > 1)).any()):
            return None, None
        wrong = (target < 0.5).to(given.dtype)
        if name.endswith("logits"):
            return torch.logit(target.double(), 1e-9).clamp(-SURE, SURE).to(given.dtype), SURE * (2 * wrong - 1)
        return target.clone(), wrong
    if name in _REGRESSION:
        spread = float(target.double().std()) if target.numel() > 1 else 0.0
        return target.clone(), target + 3 * (spread or 1.0)
    return None, None


def _one_hot(operation: LossOperation) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    given, target, axis = operation.input.detach(), operation.target.detach(), operation.class_axis
    if axis is None or target.is_floating_point() or given.dim() < 2 or given.shape[axis] < 2:
        return None, None
    classes = given.shape[axis]
    kept = target != operation.arguments.get("ignore_index", -100)
    if bool((kept & ((target < 0) | (target >= classes))).any()):
        return None, None
    labels = torch.where(kept, target, 0).long()
    both = []
    for chosen in (labels, (labels + 1) % classes):
        scores = torch.zeros_like(given).scatter_(axis, chosen.unsqueeze(axis), SURE)
        both.append(torch.log_softmax(scores, axis) if operation.function == "nll_loss" else scores)
    return both[0], both[1]


def _output_range(operation: LossOperation) -> tuple[float | None, float | None]:
    """What the operation that made the input can reach; None for no bound."""
    node: Any = operation.input.grad_fn
    while node is not None and op_name(node) in _VIEWS and node.next_functions:
        node = node.next_functions[0][0]
    return _RANGES.get(op_name(node), (None, None)) if node is not None else (None, None)


def _falls_for_ever(total: _Total, wrong: torch.Tensor, low: float | None, high: float | None) -> bool | None:
    """True only if it was seen to fall in proportion over four orders of magnitude."""
    if low is not None or high is not None:
        return None
    values = [total(wrong * factor) for factor in (1.0, 1e2, 1e4)]
    if any(v is None for v in values):
        return None
    first, second, third = (float(v) for v in values if v is not None)
    return third < second < first and third < -1e3 and second < 0


def _clamped(context: ProbeContext, operation: LossOperation, total: _Total) -> dict[str, Any]:
    """Share of samples without a gradient because of a clamp between the loss function and backward."""
    empty: dict[str, Any] = {"clamped": None, "clamp_file": None, "clamp_line": None}
    node = _clamp_between(context.recording, operation)
    found = total.gradients() if node is not None else None
    if node is None or found is None:
        return empty
    whole, alone = (g.flatten(1) if g.dim() > 1 else g[:, None] for g in found)
    counted = (alone != 0).any(1)
    if not bool(counted.any()):
        return empty
    origin = context.recording.origins.get(node)
    where = place(origin.site if origin else None)
    silent = (whole == 0).all(1) & counted
    share = float(silent.sum()) / float(counted.sum())
    return {"clamped": share, "clamp_file": where["file"], "clamp_line": where["line"]}


def _clamp_between(recording: Recording, operation: LossOperation) -> Any:
    stop = operation.event.output.grad_fn
    seen: set[Any] = set()
    queue = [recording.loss.grad_fn]
    while queue and len(seen) < 1000:
        node = queue.pop()
        if node is None or node in seen or node is stop:
            continue
        seen.add(node)
        if op_name(node) in ("Clamp", "ClampMax", "Minimum"):
            return node
        queue += [n for n, _ in node.next_functions]
    return None


def _batch_scaling(context: ProbeContext, operation: LossOperation) -> float | None:
    """How the gradient at the predictions grows when every sample is there twice."""
    given, target = operation.input.detach(), operation.target.detach()
    if target.dim() == 0 or given.shape[0] != target.shape[0]:
        return None
    factor = loss_factor(context, operation)
    count = float(given.shape[0])
    if factor is None:
        return None
    if abs(factor - 1.0) > 1e-3:
        # A division by the number of samples is a number in the script that doubling here cannot change.
        summed = operation.arguments.get("reduction") == "sum"
        sizes = (count, float(target.numel()), float(given.numel()))
        return 1.0 if summed and any(abs(factor * size - 1.0) < 1e-3 for size in sizes) else None
    one, two = (_gradient(operation, given, target, repeats) for repeats in (1, 2))
    if one is None or two is None or not float(one.norm()) > 0:
        return None
    both = two[: len(one)] + two[len(one) :]
    return finite(float(both.norm() / one.norm()))


def loss_factor(context: ProbeContext, operation: LossOperation) -> float | None:
    """What the value of the loss function is multiplied by on its way to backward."""
    with torch.enable_grad():
        if operation.event.output.dim() != 0:
            return None
        output = operation.event.output.detach().clone().requires_grad_()
        loss = context.replay.run({id(operation.event.output): output * 1.0}).loss
        if loss.dim() != 0 or not loss.requires_grad:
            return None
        found = torch.autograd.grad(loss, [output], allow_unused=True)[0]
    return abs(float(found)) if found is not None else None


def _gradient(operation: LossOperation, given: torch.Tensor, target: torch.Tensor, repeats: int) -> torch.Tensor | None:
    with torch.enable_grad():
        prediction = torch.cat([given] * repeats).requires_grad_()
        loss = operation(prediction, torch.cat([target] * repeats))
        return torch.autograd.grad(loss.sum(), [prediction])[0].double()
