"""What a pass in eval mode does besides computing: random numbers that it draws, buffers that it fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from netvet.capture.site import Site
from netvet.capture.torch_models import plain_name
from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_probe_trace import _running
from netvet.capture.torch_tensors import is_plain, tensors_in

MAX_DRAWS = 100
# Statistics of features or channels are small; a large buffer is a table or a queue.
MAX_BUFFER = 100_000
# Attention draws for nothing else.
_DROPS = ("dropout", "scaled_dot_product_attention")


@dataclass(frozen=True, slots=True)
class Draw:
    """An operation that drew random numbers, its module (path) and the user's line."""

    op: str
    module: str | None
    site: Site | None


class Draws(TorchFunctionMode):
    """Notes the operations that draw random numbers (`draws`) and those that change a buffer in place (`writes`)."""

    def __init__(self, call: ModelCall) -> None:
        super().__init__()
        self.draws: list[Draw] = []
        self.writes: dict[str, Site | None] = {}
        self._call = call
        self._device = next((t.device for t in tensors_in((call.args, call.kwargs))), torch.device("cpu"))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        target = args[0] if args and isinstance(args[0], torch.Tensor) else None
        version, before = target._version if target is not None else None, self._state()
        output = func(*args, **(kwargs or {}))
        if len(self.draws) < MAX_DRAWS and not torch.equal(before, self._state()):
            module, site = _running()
            paths = {id(m): plain_name(n) or type(m).__name__ for n, m in self._call.model.named_modules()}
            # A layer made within forward is in no model.
            path = paths.get(id(module)) or type(self._call.model).__name__
            self.draws.append(Draw(getattr(func, "__name__", str(func)), path, site))
        if target is not None and target._version != version:
            name = next((n for n, b in self._call.model.named_buffers() if b is target), None)
            if name is not None:
                self.writes.setdefault(plain_name(name), _running()[1])
        return output

    def _state(self) -> torch.Tensor:
        return torch.cuda.get_rng_state(self._device) if self._device.type == "cuda" else torch.get_rng_state()

    def blamed(self) -> Draw | None:
        """The first dropout; without any, the first operation that drew."""
        drops = (d for d in self.draws if any(word in d.op for word in _DROPS))
        return next(drops, None) or next(iter(self.draws), None)


def clones(model: nn.Module) -> dict[str, torch.Tensor]:
    """The small buffers of numbers of modules that are not PyTorch's own, whose habits in eval mode are known."""
    found: dict[str, torch.Tensor] = {}
    for path, module in model.named_modules():
        if type(module).__module__.startswith("torch."):
            continue
        for name, b in module._buffers.items():
            if b is not None and is_plain(b) and b.is_floating_point() and b.numel() <= MAX_BUFFER:
                found[f"{path}.{name}" if path else name] = b.detach().clone()
    return found


def is_moved(old: torch.Tensor, new: torch.Tensor) -> bool:
    """Other values at the same shape."""
    return old.shape == new.shape and not torch.equal(old, new)


def other_samples(given: tuple[tuple[Any, ...], dict[str, Any]]) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments with the second half of the samples replaced by the first; None where there are no samples."""
    args, kwargs = given
    first = next((t for t in (*args, *kwargs.values()) if is_plain(t) and t.dim()), None)
    if first is None or first.shape[0] < 4:
        return None
    size = first.shape[0]
    rows = torch.arange(size, device=first.device) % (size // 2)

    def halved(value: Any) -> Any:
        return value[rows] if is_plain(value) and value.dim() and value.shape[0] == size else value

    return tuple(map(halved, args)), {k: halved(v) for k, v in kwargs.items()}
