"""Copies of a model must not talk to the other processes: a rank that asks alone waits for ever."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Where PyTorch keeps the operations between processes, those of DTensor among them.
_NAMESPACES = ("c10d", "_c10d_functional", "_c10d_functional_autograd", "c10d_functional")


class _Alone(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Lets every operation run as it would, but for those that need other processes."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace in _NAMESPACES:
            raise RuntimeError("the model exchanges data with the other ranks, which a copy must not")
        return func(*args, **(kwargs or {}))


def alone() -> AbstractContextManager[object]:
    """Operations between processes raise RuntimeError inside, where the run has several; free where it has one."""
    distributed = torch.distributed
    several = distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
    return _Alone() if several else nullcontext()  # type: ignore[no-untyped-call]
