"""What the targets are, and how good outputs are in the units of the task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

Kind = Literal["classes", "binary", "numbers", "unknown"]


def kind_of(output: torch.Tensor | None, target: torch.Tensor | None) -> Kind:
    """What targets are, from their type and the shape of the outputs."""
    if target is None or output is None:
        return "unknown"
    if target.is_floating_point():
        if target.shape == output.shape and _is_distribution(target):
            return "unknown"  # shares of classes: neither a threshold nor r2 tells whether they are learned
        values = target.detach().reshape(-1)[:10_000]
        two = bool(((values == 0) | (values == 1)).all()) and values.numel() > 1
        return "binary" if two and output.numel() == target.numel() else "numbers"
    if class_axis(output, target) is not None:
        return "classes"
    if output.numel() == target.numel() and set(target.reshape(-1)[:10_000].tolist()) <= {0, 1}:
        return "binary"
    return "unknown"


def class_axis(output: torch.Tensor, target: torch.Tensor) -> int | None:
    """The axis of the outputs on which the scores of the classes lie; None where there is none, or where it may be two.

    Targets [N, ...] go with outputs [N, C, ...] (as cross_entropy has it), [N, ..., C], or both flattened; there are
    at least two classes.
    """
    if output.dim() < 2 or not target.numel() or not output.numel():
        return None
    last = output.dim() - 1
    if output.dim() == target.dim() + 1:
        forms = {1: output.shape[:1] + output.shape[2:], last: output.shape[:-1]}
        found = [axis for axis, form in forms.items() if form == target.shape and output.shape[axis] > 1]
        return found[0] if len(found) == 1 else None
    if output.shape[-1] < 2 or output.numel() // output.shape[-1] != target.numel():
        return None
    return last if int(target.max()) < output.shape[-1] else None


def _is_distribution(target: torch.Tensor) -> bool:
    """Rows that are shares of classes, one-hot ones among them: they add up to one on the second or last axis."""
    if target.dim() < 2:
        return False
    sums = [target.detach().double().sum(axis) for axis in {1, target.dim() - 1} if target.shape[axis] > 1]
    return bool((target >= 0).all()) and any(bool(((s - 1.0).abs() < 1e-3).all()) for s in sums)


@dataclass(frozen=True)
class Score:
    """How good outputs are: `name` is `accuracy` or `r2`, more is better."""

    name: str
    value: float


def predictions(kind: str, output: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Predicted and true values, flat and of one length; None where they cannot be compared."""
    output, target = output.detach(), target.detach()
    if kind == "classes":
        axis = class_axis(output, target)
        if axis is None:
            return None
        return output.argmax(axis).reshape(-1), target.reshape(-1)
    if output.numel() != target.numel():
        return None
    flat, wanted = output.reshape(-1), target.reshape(-1)
    if kind == "binary":
        # Probabilities are cut at one half, logits at zero.
        half = 0.5 if bool(((flat >= 0) & (flat <= 1)).all()) else 0.0
        return (flat > half).long(), wanted.long()
    return (flat, wanted) if kind == "numbers" else None


def score_of(kind: str, predicted: torch.Tensor, wanted: torch.Tensor) -> Score | None:
    """Accuracy of classes, r2 of numbers, over all pairs; None for none. Ignored labels (negative) do not count."""
    if kind in ("classes", "binary"):
        counted = wanted >= 0
        if not bool(counted.any()):
            return None
        return Score("accuracy", float((predicted[counted] == wanted[counted]).double().mean()))
    wanted, predicted = wanted.double(), predicted.double()
    total = float(((wanted - wanted.mean()) ** 2).sum())
    return Score("r2", 1.0 - float(((predicted - wanted) ** 2).sum()) / total) if total > 0 else None
