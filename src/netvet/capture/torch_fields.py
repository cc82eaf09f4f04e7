"""The parts of a batch by name, and which of them a tensor seen elsewhere was made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from netvet.capture.torch_tensors import is_plain

MAX_FIELDS, MAX_DEPTH = 64, 4
# Values of a batch that are compared one by one: the first samples tell a part from all others.
MAX_COMPARED = 100_000


def fields(batch: Any, name: str = "", depth: int = 0) -> dict[str, torch.Tensor]:
    """Tensors of a batch by name: `0`, `1`, `label`, `0.input_ids`; arrays and lists of numbers as tensors too."""
    found: dict[str, torch.Tensor] = {}
    if isinstance(batch, torch.Tensor):
        return {name or "0": batch} if is_plain(batch) and batch.dim() else {}
    if isinstance(batch, np.ndarray):
        return {name or "0": torch.from_numpy(batch.copy())} if batch.dtype.kind in "fiub" and batch.ndim else {}
    if depth > MAX_DEPTH:
        return found
    if isinstance(batch, Mapping):
        parts = list(batch.items())
    elif isinstance(batch, (tuple, list)):
        if batch and type(batch) is list and all(type(one) in (int, float, bool) for one in batch):
            return {name or "0": torch.tensor(batch)}
        parts = list(enumerate(batch[:MAX_FIELDS]))
    elif hasattr(batch, "__dict__") and not isinstance(batch, (torch.nn.Module, type)):
        parts = list(vars(batch).items())
    else:
        return found
    for key, part in parts:
        if len(found) < MAX_FIELDS:
            found |= fields(part, f"{name}.{key}" if name else str(key), depth + 1)
    return found


def texts(batch: Any, name: str = "", depth: int = 0) -> dict[str, list[str]]:
    """Lists of strings of a batch, by the same names: one string a sample."""
    if isinstance(batch, (tuple, list)) and batch and all(type(one) is str for one in batch):
        return {name or "0": list(batch)}
    if depth > MAX_DEPTH or not isinstance(batch, (Mapping, tuple, list)):
        return {}
    parts = batch.items() if isinstance(batch, Mapping) else enumerate(batch[:MAX_FIELDS])
    found: dict[str, list[str]] = {}
    for key, part in parts:
        found |= texts(part, f"{name}.{key}" if name else str(key), depth + 1)
    return found


def same(part: torch.Tensor, seen: torch.Tensor) -> bool:
    """They hold the same numbers, whatever their form and type."""
    if part.numel() != seen.numel() or not seen.numel() or part.is_complex() or seen.is_complex():
        return False
    a, b = (t.detach().reshape(-1)[:MAX_COMPARED].cpu().double() for t in (part, seen))
    return bool(torch.allclose(a, b, rtol=1e-6, atol=0.0, equal_nan=True))


def became(part: torch.Tensor, seen: torch.Tensor) -> bool:
    """As many samples, with as many numbers each: one may have been made of the other."""
    return bool(seen.dim()) and len(part) == len(seen) and part.numel() == seen.numel()


def entered(given: Mapping[str, torch.Tensor], seen: list[torch.Tensor]) -> tuple[list[str], bool]:
    """Names of the parts that were among the tensors seen, and whether all of these held the same numbers.

    A part with one number a sample must be the same: a mask, a label and a weight have one form.
    """
    alike = {name for name, part in given.items() if any(same(part, one) for one in seen)}
    made = {
        name for name, part in given.items()
        if name not in alike and part.numel() > len(part) and any(became(part, one) for one in _others(given, seen))
    }  # fmt: skip
    return [name for name in given if name in alike | made], not made


def _others(given: Mapping[str, torch.Tensor], seen: list[torch.Tensor]) -> list[torch.Tensor]:
    """What was seen and is none of the parts as it is."""
    return [one for one in seen if not any(same(part, one) for part in given.values())]


def compared(given: Mapping[str, torch.Tensor], target: torch.Tensor) -> str | None:
    """The part that a loss compares with, or that its target was made of by one-hot coding; None if that is unclear."""
    found = [name for name, part in given.items() if same(part, target) or _one_hot(part, target)]
    named = [name for name in found if any(word in name.lower() for word in ("label", "target", "y"))]
    return next(iter(named or found), None)


def _one_hot(part: torch.Tensor, target: torch.Tensor) -> bool:
    """The target holds ones at the places that the part names."""
    classes = target.shape[-1] if target.dim() == 2 else 0
    if classes < 2 or part.is_floating_point() or part.numel() != len(target) or len(part) != len(target):
        return False
    places = part.detach().reshape(-1).cpu()
    return math.prod(target.shape) <= MAX_COMPARED and bool((target.detach().cpu().argmax(1) == places).all())
