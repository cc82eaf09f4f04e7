"""The operations of one call of a copy, in order, and the first of them that shows a change where none may be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from netvet.capture.site import Site, _kind, site_of
from netvet.capture.torch_models import plain_name
from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_order import place
from netvet.capture.torch_probe_tools import float_outputs, run_call
from netvet.capture.torch_tensors import tensors_in

# A trace keeps a copy of what each operation gave: no more than this many operations and elements.
MAX_STEPS, MAX_ELEMENTS = 5_000, 20_000_000
Alter = Callable[[str, tuple[Any, ...], Any], Any]


@dataclass(slots=True)
class Step:
    """One operation: its name, the module and the user's line that ran it, and copies of what it gave."""

    op: str
    module: nn.Module | None
    site: Site | None
    made: list[torch.Tensor]
    flags: list[torch.Tensor]


@dataclass(frozen=True, slots=True)
class Leak:
    """The first operation whose result moved where it must not, and its module (path and class)."""

    op: str
    module: str | None
    cls: str | None
    site: Site | None

    def fields(self, otherwise: Site | None) -> dict[str, Any]:
        """The fields `op`, `module`, `file` and `line`."""
        return {"op": self.op, "module": self.module, **place(self.site or otherwise)}


class Trace(TorchFunctionMode):
    """Keeps the operations that run while it is entered.

    Args:
        alter: may put something else in place of what an operation gave: `alter(name, args, output)`.
    """

    def __init__(self, alter: Alter | None = None) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self._alter = alter
        self._elements = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", str(func))
        if self._alter is not None:
            output = self._alter(name, args, output)
        made = float_outputs(output)
        flags = [t for t in tensors_in(output) if t.dtype == torch.bool and t.dim() > 1]
        self._elements += sum(t.numel() for t in (*made, *flags))
        if (made or flags) and len(self.steps) < MAX_STEPS and self._elements < MAX_ELEMENTS:
            module, site = _running()
            copies = [t.clone() for t in made], [t.clone() for t in flags]
            self.steps.append(Step(name, module, site, *copies))
        return output


def _running() -> tuple[nn.Module | None, Site | None]:
    """The innermost module that runs and the innermost line of the user's inside the traced call."""
    frame: FrameType | None = sys._getframe(2)
    module: nn.Module | None = None
    site: Site | None = None
    while frame is not None and frame.f_code is not run_call.__code__:
        if module is None and frame.f_code.co_name == "_call_impl":
            inner = frame.f_locals.get("self")
            module = inner if isinstance(inner, nn.Module) else None
        if site is None and _kind(frame.f_code.co_filename) == 0:
            site = site_of(frame)
        frame = frame.f_back
    return module, site


def first_leak(
    call: ModelCall, base: Trace, changed: Trace, leaks: Callable[[torch.Tensor, torch.Tensor], bool]
) -> Leak | None:
    """The first operation of two traces of a call whose result `leaks(before, after)`."""
    for old, new in zip(base.steps, changed.steps, strict=False):
        if old.op != new.op or len(old.made) != len(new.made):
            return None
        if any(leaks(a, b) for a, b in zip(old.made, new.made, strict=True)):
            paths = {id(m): plain_name(n) or type(m).__name__ for n, m in call.module.named_modules()}
            path = paths.get(id(old.module)) if old.module is not None else None
            return Leak(old.op, path, type(old.module).__name__ if old.module is not None else None, old.site)
    return None
