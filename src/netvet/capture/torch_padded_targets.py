"""Padded positions in a loss that a model takes itself: its targets tell which of them count."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from netvet.capture.torch_probe_padding import Padding
from netvet.capture.torch_probe_tools import LossOperation


@dataclass(frozen=True, slots=True)
class PaddedTargets:
    """What a loss makes of padded positions.

    Args:
        changes: of the loss, when only the predictions at padded positions change.
        ignored: the loss leaves out some of them by its `ignore_index`.
    """

    changes: float
    ignored: bool


def padded_targets(padding: Padding, losses: list[LossOperation]) -> PaddedTargets | None:
    """The same for the one loss inside a model that has a target for each position.

    None where the targets do not tell which belongs to which position.
    """
    within = [one for one in losses if one.within]
    if len(within) != 1 or not padding.sure or within[0].function != "cross_entropy":
        return None
    operation = within[0]
    pads = _of_targets(padding, operation.target.detach())
    if pads is None or operation.input.dim() != 2 or len(operation.input) != pads.numel():
        return None
    ignored = operation.target.eq(int(operation.arguments["ignore_index"])).reshape(-1)
    flat = pads.reshape(-1)
    counted = flat & ~ignored
    wanted = operation.target.reshape(-1)[counted]
    if not len(wanted):
        return PaddedTargets(0.0, ignored=True)
    if bool((wanted != wanted[0]).any()):
        return None  # these are targets of the user's data
    prediction = operation.input.detach()
    changed = prediction.clone()
    changed[counted] = prediction[counted].roll(1, dims=-1)
    with torch.no_grad():  # a sum would say how large the batch is
        before, after = (float(operation(p, reduction="mean")) for p in (prediction, changed))
    return PaddedTargets(abs(after - before), ignored=bool((flat & ignored).any()))


def _of_targets(padding: Padding, target: torch.Tensor) -> torch.Tensor | None:
    """Which targets are those of padded positions, of [samples, steps]; a language model's are one step ahead."""
    samples, steps = padding.pads.shape
    content = padding.batched(padding.content)
    if target.numel() == samples * (steps - 1):
        target, follows = target.reshape(samples, steps - 1), True
    elif target.numel() == samples * steps:
        target, follows = target.reshape(samples, steps), False
    else:
        return None
    if content.dim() == 2:
        real = ~padding.pads[:, 1:]
        ahead = bool((target[:, : steps - 1] == content[:, 1:])[real].all())
        if ahead:
            return torch.nn.functional.pad(padding.pads[:, 1:], (0, target.shape[1] - steps + 1))
    return None if follows else padding.pads
