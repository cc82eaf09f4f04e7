"""The variables of the user's code that is running: numbers and tensors are read, and put back in a replay."""

from __future__ import annotations

import ctypes
import inspect
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import nn

from netvet.capture.torch_box_values import Packed, Packer, unpack
from netvet.capture.torch_site import _user_frames

# Of the stack, the innermost functions; of each, so many variables; of each container, so many entries.
MAX_FRAMES, MAX_VARIABLES, MAX_ENTRIES = 12, 200, 64
# A larger tensor is a data set, which the script makes itself.
MAX_BYTES = 16 << 20
# Longer whole numbers are no counters.
MAX_BITS = 63


def pack_variables(packer: Packer) -> list[dict[str, Any]]:
    """The variables of the user's functions on the stack, innermost first: `{function, variables}`."""
    found = []
    for number, frame in enumerate(list(_user_frames())[:MAX_FRAMES]):
        variables = {
            name: packer.pack(value, f"variable.{number}.{name}")
            for name, value in _variables(frame)
            if not name.startswith("__")
        }
        found.append({"function": frame.f_code.co_qualname, "variables": variables})
    return found


def restore_variables(stored: list[dict[str, Any]], load: Callable[[str], torch.Tensor]) -> None:
    """Put the variables back into the same functions of the stack as it is now."""
    waiting = list(_user_frames())
    for entry in stored:
        at = next((i for i, f in enumerate(waiting) if f.f_code.co_qualname == entry["function"]), None)
        if at is not None:
            _restore(waiting[at], entry["variables"], load)
            del waiting[: at + 1]


def _restore(frame: FrameType, variables: dict[str, Packed], load: Callable[[str], torch.Tensor]) -> None:
    owns = dict(_variables(frame))
    new: dict[str, Any] = {}
    for name, packed in variables.items():
        own = owns.get(name)
        if name not in owns or not _alike(packed, own):
            continue
        value = unpack(packed, own, load)
        if isinstance(own, torch.Tensor) and own.requires_grad and own.shape == value.shape:
            with torch.no_grad():  # a parameter made by hand: the optimizer knows this very tensor
                own.copy_(value)
        else:
            new[name] = value
    if new:
        _assign(frame, new)


def _alike(packed: Packed, own: Any) -> bool:
    """The variable holds the same kind of thing as it did."""
    if "tensor" in packed:
        return isinstance(own, torch.Tensor)
    if "array" in packed:
        return isinstance(own, np.ndarray)
    if "float" in packed or "value" in packed:
        return isinstance(own, (int, float)) and packed.get("value", 0.0) is not None
    return not isinstance(own, (torch.Tensor, np.ndarray, int, float))


def _variables(frame: FrameType) -> Iterator[tuple[str, Any]]:
    scope = frame.f_locals
    found = [(name, value) for name, value in list(scope.items()) if _wanted(value)]
    owner = scope.get("self")
    if owner is not None and not isinstance(owner, nn.Module) and hasattr(owner, "__dict__"):
        found += [(f"self.{name}", value) for name, value in list(vars(owner).items()) if _wanted(value)]
    # Until Python 3.12 the frame keeps this dict: the user's tensors must not live longer for it.
    if type(scope) is dict and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        scope.clear()
    return iter(found[:MAX_VARIABLES])


def _wanted(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        # What has a graph is a result of the step; a Parameter is a weight, which is kept as such.
        computed = value.requires_grad and not value.is_leaf
        return (
            not computed and not isinstance(value, nn.Parameter) and value.numel() * value.element_size() <= MAX_BYTES
        )
    if isinstance(value, np.ndarray):
        return bool(value.nbytes <= MAX_BYTES)
    if isinstance(value, (bool, float)):
        return True
    if isinstance(value, int):
        return value.bit_length() <= MAX_BITS
    if type(value) in (list, tuple, dict) and 0 < len(value) <= MAX_ENTRIES:
        parts = value.values() if type(value) is dict else value
        return any(isinstance(p, (torch.Tensor, np.ndarray)) for p in parts) and all(_wanted(p) for p in parts)
    return False


def _assign(frame: FrameType, values: dict[str, Any]) -> None:
    scope = frame.f_locals
    for name, value in values.items():
        if name.startswith("self."):
            vars(scope["self"])[name.removeprefix("self.")] = value
        else:
            scope[name] = value
    if sys.version_info < (3, 13) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        # What debuggers do; from 3.13 on the mapping writes through (PEP 667).
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
