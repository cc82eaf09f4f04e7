"""Functions of netvet's that stand in for those of PyTorch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from netvet.capture.patches import Make, Patches

__all__ = ["Make", "Patches", "is_own", "original", "runs", "untraced"]
_HERE = Path(__file__).parent


def untraced(hook: Callable[..., Any]) -> Callable[..., Any]:
    """The hook as one that `torch.compile` does not look into.

    What `torch.compiler.disable` does, without the compiler, which takes a second to import.
    """
    turn = torch._C._dynamo.eval_frame.set_eval_frame

    def call(*args: Any) -> Any:
        before = turn(None)
        try:
            return hook(*args)
        finally:
            turn(before)

    call._torchdynamo_disable = True  # type: ignore[attr-defined]
    return call


def is_own(function: Any) -> bool:
    """Whether this is a function of netvet's that stands in for another, or listens."""
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(function, "__code__", None)
    return code is not None and Path(code.co_filename).parent == _HERE


def original(function: Any) -> Any:
    """What netvet's function stands in for; another function as it is."""
    while is_own(function) and hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def runs(frame: FrameType, inside: FrameType | None) -> bool:
    """Whether a frame is still running: what a step that failed has left is not."""
    while inside is not None and inside is not frame:
        inside = inside.f_back
    return inside is frame
