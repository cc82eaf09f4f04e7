"""Which number of a sample its target can be copied from."""

from __future__ import annotations

from typing import Any

import torch

from netvet.capture.torch_reservoir import Kept

# By chance a column of zeros and ones equals a binary target in this many samples once in 10^12.
MIN_SAMPLES = 40
# Pairs of numbers that a picture shows.
SHOWN = 48
# Numbers of one sample that are compared with the target, at most.
MAX_NUMBERS = 4_096
# Share of the variance of the target that a multiple of a column leaves: rounding of float32, no noise.
REST = 1e-10


def copied_target(kept: Kept) -> dict[str, Any]:
    """The fields `column`, `scaled`, `step` and `steps` of `target_in_input`; none where nothing is found."""
    if kept.targets is None or kept.count < MIN_SAMPLES or kept.targets.is_complex():
        return {}
    wanted = kept.targets[: kept.count].double()
    several = len(kept.inputs) > 1
    for values in kept.inputs.values():
        rows = values[: kept.count]
        if rows.dim() not in (2, 3) or rows.is_complex() or not 0 < rows[0].numel() <= MAX_NUMBERS:
            continue
        # Of several inputs one may be the target itself (a model that computes its loss), or ids that say what to do.
        if (several or rows.dim() == 3) and (not rows.is_floating_point() or rows[0].numel() == 1):
            continue
        if wanted.numel() == kept.count:
            found = _one_number(rows, wanted.reshape(-1, 1))
        else:
            found = _at_each_step(rows, wanted)
        if found:
            return found
    return {}


def shown(given: torch.Tensor, wanted: torch.Tensor) -> dict[str, Any]:
    """The fields `shown_input` and `shown_target`: the first numbers of both, flat."""
    return {"shown_input": given[:SHOWN].tolist(), "shown_target": wanted[:SHOWN].tolist()}


def _one_number(rows: torch.Tensor, wanted: torch.Tensor) -> dict[str, Any]:
    """The target is one number for each sample, and one of the sample's."""
    if not bool((wanted != wanted[0]).any()):
        return {}
    flat = rows.reshape(len(rows), -1).double()
    equal, scaled = (flat == wanted).all(0), _multiples(flat, wanted)
    for which, is_scaled in ((equal, False), (scaled, True)):
        for index in which.nonzero().flatten().tolist():
            place = _place(rows, index)
            if place is not None:
                return {**place, "scaled": is_scaled, **shown(flat[:, index], wanted.flatten())}
    return {}


def _multiples(flat: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The columns that are the target times a number plus a number; of a single one that is the task itself."""
    a, b = flat - flat.mean(0), wanted - wanted.mean(0)
    squares = a.square().sum(0)
    varies = squares > 0
    if int(varies.sum()) < 2:
        return torch.zeros_like(varies)
    share = (a * b).sum(0).square() / (squares * b.square().sum()).clamp_min(1e-300)
    return varies & (1 - share < REST)


def _place(rows: torch.Tensor, index: int) -> dict[str, Any] | None:
    """Column and time step of a number; None for the first half of a sequence, which a net may be asked to remember."""
    if rows.dim() == 2:
        return {"column": index}
    first, second = divmod(index, rows.shape[2])
    # Time is the longer axis: [samples, time, columns] or [samples, columns, time].
    step, column, steps = (
        (first, second, rows.shape[1]) if rows.shape[1] >= rows.shape[2] else (second, first, rows.shape[2])
    )
    return {"column": column, "step": step, "steps": steps} if 2 * step >= steps else None


def _at_each_step(rows: torch.Tensor, wanted: torch.Tensor) -> dict[str, Any]:
    """The target is one number at each time, and one column of the input then."""
    if rows.dim() != 3 or rows.shape[2] < 2 or wanted.numel() != rows[..., 0].numel() or wanted.shape[1] < 2:
        return {}
    aimed = wanted.reshape(rows.shape[:2])
    if not bool((aimed != aimed[0]).any()):
        return {}
    equal = (rows.double() == aimed[..., None]).flatten(0, 1).all(0).nonzero().flatten().tolist()
    if not equal:
        return {}
    return {"column": equal[0], "scaled": False, **shown(rows[0, :, equal[0]], aimed[0])}
