"""The loss before the first update, against what an untrained net should have; the bias of the last layer."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_probe_tools import LossOperation, loss_operations, module_outputs
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_tensors import finite, is_contrastive

_MEAN, _MEDIAN = ("mse_loss",), ("l1_loss", "smooth_l1_loss", "huber_loss")
_CLASSES, _BINARY = ("cross_entropy", "nll_loss"), ("binary_cross_entropy", "binary_cross_entropy_with_logits")
MAX_LISTED = 100
# Rounds of matching the mean prediction to the shares of the classes.
_BIAS_STEPS = 40


def initial_loss(context: ProbeContext) -> None:
    """Record `initial_loss`."""
    for operation in loss_operations(context.replay):
        guess = _even_guess(operation)
        measured = operation.measured
        if guess is None or is_contrastive(operation.function, operation.input, operation.target):
            continue
        prediction, rule = guess
        expected = finite(operation.value(prediction))
        if expected is None or not math.isfinite(measured):
            continue
        best = best_constant(operation)
        axis = operation.class_axis
        context.add(
            "initial_loss",
            {
                "site": operation.site, **operation.place, "function": operation.function, "measured": measured,
                "expected": expected, "rule": rule, "spread": _spread(operation),
                "ratio": measured / expected if expected else None,
                "best_constant": finite(operation.value(best)) if best is not None else None,
                "classes": _class_count(operation, axis), "batch": int(operation.input.shape[0]),
            },
        )  # fmt: skip


def _class_count(operation: LossOperation, axis: int | None) -> int | None:
    if operation.function in _CLASSES and axis is not None:
        return int(operation.input.shape[axis])
    return None


def _even_guess(operation: LossOperation) -> tuple[torch.Tensor, str] | None:
    """What an untrained net should predict, and the name of the rule."""
    given, axis, name = operation.input.detach(), operation.class_axis, operation.function
    if name == "cross_entropy" and axis is not None:
        return torch.zeros_like(given), "log(classes)"
    if name == "nll_loss" and axis is not None:
        return torch.full_like(given, -math.log(given.shape[axis])), "log(classes)"
    if name in _BINARY:
        return torch.full_like(given, 0.0 if name.endswith("logits") else 0.5), "log(2)"
    if operation.input.shape != operation.target.shape or operation.target.is_complex():
        return None
    target = operation.target.detach().to(given.dtype)
    if name in _MEAN:
        return torch.full_like(given, float(target.double().mean())), "target variance"
    if name in _MEDIAN:
        return torch.full_like(given, float(target.double().median())), "target spread about its median"
    return None


def best_constant(operation: LossOperation) -> torch.Tensor | None:
    """The best prediction that is the same for every sample; None where it has no closed form."""
    given, target, name = operation.input.detach(), operation.target.detach(), operation.function
    if name in _CLASSES:
        return _log_prior(operation)
    if target.shape != given.shape or target.is_complex() or operation.arguments.get("weight") is not None:
        return None
    columns = target.to(torch.float64)
    if name in _BINARY:
        shares = columns.mean(0, keepdim=True)
        if operation.arguments.get("pos_weight") is not None:
            positive = shares * operation.arguments["pos_weight"].double()
            shares = positive / (positive + 1 - shares)
        shares = shares.clamp(1e-6, 1 - 1e-6)
        constant = torch.logit(shares) if name.endswith("logits") else shares
    elif name in _MEAN:
        constant = columns.mean(0, keepdim=True)
    elif name == "l1_loss":
        constant = columns.median(0, keepdim=True).values
    else:
        return None
    return constant.to(given.dtype).expand_as(given).contiguous()


def class_shares(operation: LossOperation) -> torch.Tensor | None:
    """Share of each class among the targets that count, weighted as the loss weights them."""
    target, axis = operation.target.detach(), operation.class_axis
    if axis is None or target.is_floating_point():
        return None
    classes = int(operation.input.shape[axis])
    flat = target.reshape(-1).long()
    flat = flat[flat != operation.arguments.get("ignore_index", -100)]
    if not flat.numel() or bool(((flat < 0) | (flat >= classes)).any()):
        return None
    counts = torch.bincount(flat, minlength=classes).double()
    weight = operation.arguments.get("weight")
    if isinstance(weight, torch.Tensor):
        counts = counts * weight.detach().double()
    total = counts.sum()
    return counts / total if float(total) > 0 else None


def _log_prior(operation: LossOperation) -> torch.Tensor | None:
    shares, axis, given = class_shares(operation), operation.class_axis, operation.input.detach()
    smoothing = float(operation.arguments.get("label_smoothing") or 0.0)
    if shares is None or axis is None or (smoothing and operation.arguments.get("weight") is not None):
        return None
    shares = (1 - smoothing) * shares + smoothing / len(shares)
    logs = shares.clamp_min(1e-12).log().to(given.dtype)
    shape = [1] * given.dim()
    shape[axis] = len(shares)
    return logs.reshape(shape).expand_as(given).contiguous()


def _spread(operation: LossOperation) -> float | None:
    """Standard error of the mean loss over the samples of the batch."""
    if operation.arguments.get("reduction") != "mean" or operation.arguments.get("weight") is not None:
        return None
    with torch.no_grad():
        each = operation(operation.input.detach(), reduction="none").double()
    if each.dim() == 0 or each.shape[0] < 2:
        return None
    rows = each.reshape(each.shape[0], -1).mean(1)
    return finite(float(rows.std()) / math.sqrt(len(rows)))


def final_bias(context: ProbeContext) -> None:
    """Record `final_bias`, where the last layer has a bias and its output goes into the loss."""
    for operation in loss_operations(context.replay):
        if operation.function not in (*_CLASSES, *_BINARY, *_MEAN, *_MEDIAN):
            continue
        found = _last_layer(context, operation)
        if found is None or not torch.isfinite(operation.input).all():
            continue
        name, scores, biases = found
        axis = operation.class_axis
        if operation.function not in _CLASSES:
            if scores.shape != operation.target.shape:
                continue
            axis = _output_axis(scores, biases)
        if axis is None:
            continue
        shifted = _best_shift(operation, scores, axis)
        now = operation.value(operation.input.detach())
        if shifted is None or not math.isfinite(shifted):
            continue
        context.add(
            "final_bias",
            {
                "site": operation.site, **operation.place, "layer": name, "function": operation.function,
                **_means(operation, scores, axis), "loss_now": now, "loss_with_bias": shifted, "saved": now - shifted,
                "even": _even_loss(operation), "values": _values_per_sample(operation, biases),
            },
        )  # fmt: skip


def _values_per_sample(operation: LossOperation, biases: int) -> int:
    """Predictions that each output makes for one sample: more than one in a mask."""
    each = operation.input.numel() // biases
    return max(each // max(operation.input.shape[0], 1), 1)


def _even_loss(operation: LossOperation) -> float | None:
    guess = _even_guess(operation) if operation.function in (*_CLASSES, *_BINARY) else None
    return None if guess is None else finite(operation.value(guess[0]))


# All values are one output's: there is no axis of the outputs.
_SINGLE = -1


def _output_axis(scores: torch.Tensor, biases: int) -> int | None:
    """The axis along which the biases of the last layer lie; the channels of a convolution come second."""
    if biases == 1:
        return _SINGLE
    return next((a for a in (1, scores.dim() - 1) if 0 < a < scores.dim() and scores.shape[a] == biases), None)


def _by_output(tensor: torch.Tensor, axis: int) -> torch.Tensor:
    """[outputs, everything else]."""
    return tensor.reshape(1, -1) if axis == _SINGLE else tensor.movedim(axis, 0).flatten(1)


def _means(operation: LossOperation, scores: torch.Tensor, axis: int) -> dict[str, Any]:
    """What is predicted and what is wanted on average, per output."""
    if operation.function in _CLASSES:
        predicted, wanted = torch.softmax(scores.double(), axis), class_shares(operation)
    else:
        predicted = torch.sigmoid(scores.double()) if operation.function in _BINARY else scores.double()
        wanted = _by_output(operation.target.detach().double(), axis).mean(1)
    averages = _by_output(predicted, axis).mean(1)
    return {
        "predicted": averages[:MAX_LISTED].tolist(),
        "wanted": wanted[:MAX_LISTED].tolist() if wanted is not None else None,
    }


def _last_layer(context: ProbeContext, operation: LossOperation) -> tuple[str, torch.Tensor, int] | None:
    """The layer whose output is the input of the loss (but for its activation), that output, its biases' number."""
    given = operation.input.detach()
    found: list[tuple[str, torch.Tensor, int]] = []

    def see(name: str, module: nn.Module, _inputs: Any, output: Any) -> None:
        bias = None if list(module.children()) else getattr(module, "bias", None)
        if isinstance(bias, torch.Tensor) and isinstance(output, torch.Tensor) and output.numel() == given.numel():
            found[:] = [(name, output.detach().reshape(given.shape), bias.numel())]

    models = context.replay.models
    if len(models) != 1:
        return None
    with module_outputs(models[0], see), torch.no_grad():
        context.replay.run()
    if not found:
        return None
    name, scores, biases = found[0]
    same = [scores]
    if operation.function == "nll_loss" and operation.class_axis is not None:
        same = [torch.log_softmax(scores, operation.class_axis)]
    elif operation.function == "binary_cross_entropy":
        same = [torch.sigmoid(scores)]
    return (name, scores, biases) if torch.allclose(same[0], given, rtol=1e-4, atol=1e-6) else None


def _best_shift(operation: LossOperation, scores: torch.Tensor, axis: int) -> float | None:
    """Loss with the constant added to the outputs that lowers it most; None where that is not known how to find."""
    target, scores = operation.target.detach(), scores.double()
    shape = [1] * scores.dim()
    if axis != _SINGLE:
        shape[axis] = scores.shape[axis]
    if operation.function in (*_MEAN, *_MEDIAN):
        gap = _by_output(target.double() - scores, axis)
        middle = gap.mean(1) if operation.function in _MEAN else gap.median(1).values
        return operation.value((scores + middle.reshape(shape)).to(operation.input.dtype))
    if any(operation.arguments.get(name) is not None for name in ("weight", "pos_weight")):
        return None
    wanted = class_shares(operation)
    if operation.function in _CLASSES:
        if wanted is None or operation.arguments.get("label_smoothing"):
            return None
        used = (target != operation.arguments.get("ignore_index", -100)).reshape(-1)
    else:
        wanted, used = _by_output(target.double(), axis).mean(1), None
    wanted = wanted.clamp(1e-4, 1 - 1e-4)
    bias = torch.zeros_like(wanted)
    for _ in range(_BIAS_STEPS):  # at the best bias the mean prediction is the share of the class
        moved = _by_output(scores + bias.reshape(shape), axis)
        if used is not None:
            mean = torch.softmax(moved, 0)[:, used].mean(1).clamp_min(1e-12)
            bias = bias + wanted.log() - mean.log()
        else:
            bias = bias + torch.logit(wanted) - torch.logit(torch.sigmoid(moved).mean(1).clamp(1e-12, 1 - 1e-12))
    return operation.value(_as_input(operation, (scores + bias.reshape(shape)).to(operation.input.dtype)))


def _as_input(operation: LossOperation, scores: torch.Tensor) -> torch.Tensor:
    if operation.function == "nll_loss" and operation.class_axis is not None:
        return torch.log_softmax(scores, operation.class_axis)
    return torch.sigmoid(scores) if operation.function == "binary_cross_entropy" else scores
