"""The variables of the user's code that is running: numbers and tensors are read, and put back in a replay."""

from __future__ import annotations

import ast
import ctypes
import inspect
import linecache
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import nn

from netvet.capture.site import _user_frames
from netvet.capture.torch_box_values import Packed, Packer, unpack
from netvet.capture.torch_tensors import tensors_in

# Of the stack, the innermost functions; of each, so many variables; of each container, so many entries.
MAX_FRAMES, MAX_VARIABLES, MAX_ENTRIES = 12, 200, 64
# A larger tensor is a data set, which the script makes itself.
MAX_BYTES = 16 << 20
# References to a dict that only a frame, a variable here, and the call that counts them have.
_NOT_SHARED = 3
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


Pairs = list[tuple[torch.Tensor, torch.Tensor]]


def restore_variables(stored: list[dict[str, Any]], load: Callable[[str], torch.Tensor]) -> Pairs:
    """Put the variables back into the same functions of the stack as it is now.

    Returns:
        Each tensor that a variable held, with what it holds now.
    """
    waiting, pairs = list(_user_frames()), []
    for entry in stored:
        at = next((i for i, f in enumerate(waiting) if f.f_code.co_qualname == entry["function"]), None)
        if at is not None:
            pairs += _restore(waiting[at], entry["variables"], load)
            del waiting[: at + 1]
    return pairs


def exchange(pairs: Pairs) -> None:
    """Let variables of functions on the stack that hold the first of a pair hold the second."""
    new = {id(old): value for old, value in pairs}
    for frame in _user_frames():
        found = {name: new[id(v)] for name, v in _variables(frame) if id(v) in new}
        if found:
            _assign(frame, found)


def evaluated_again(frame: FrameType) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments of the call that a function is in, evaluated once more from its variables as they are now.

    Returns:
        None where the call cannot be found in the source, or its arguments take something from an iterator.
    """
    *_, position = islice(frame.f_code.co_positions(), frame.f_lasti // 2 + 1)
    line, end, column, end_column = position
    if line is None or end is None or column is None or end_column is None:
        return None
    lines = [text.encode() for text in linecache.getlines(frame.f_code.co_filename)[line - 1 : end]]
    if not lines:
        return None
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    try:
        call = ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(call, ast.Call) or any(getattr(n, "id", "") in ("next", "yield") for n in ast.walk(call)):
        return None
    scope = {**frame.f_globals, **frame.f_locals}
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for part in call.args:
        starred = isinstance(part, ast.Starred)
        value = _value(part.value if isinstance(part, ast.Starred) else part, scope)
        args += list(value) if starred else [value]
    for keyword in call.keywords:
        value = _value(keyword.value, scope)
        kwargs |= {keyword.arg: value} if keyword.arg is not None else value
    return tuple(args), kwargs


def _value(node: ast.expr, scope: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "<replay>", "eval"), scope)


def _restore(frame: FrameType, variables: dict[str, Packed], load: Callable[[str], torch.Tensor]) -> Pairs:
    owns = dict(_variables(frame))
    new: dict[str, Any] = {}
    pairs: Pairs = []
    for name, packed in variables.items():
        own = owns.get(name)
        if name not in owns or not _alike(packed, own):
            continue
        value = unpack(packed, own, load)
        pairs += zip(tensors_in(own), tensors_in(value), strict=False)
        if isinstance(own, torch.Tensor) and own.requires_grad and own.shape == value.shape:
            with torch.no_grad():  # a parameter made by hand: the optimizer knows this very tensor
                own.copy_(value)
        else:
            new[name] = value
    if new:
        _assign(frame, new)
    return pairs


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
    # Until Python 3.12 the frame keeps this dict: the user's tensors must not live longer for it. One that the user
    # has from `locals()` stays.
    if type(scope) is dict and frame.f_code.co_flags & inspect.CO_OPTIMIZED and sys.getrefcount(scope) <= _NOT_SHARED:
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
