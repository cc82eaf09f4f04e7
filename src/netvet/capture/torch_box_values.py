"""Values of a step as plain JSON beside a table of tensors: what the black box keeps and a replay puts back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from netvet.capture.torch_tensors import is_plain

Packed = dict[str, Any]
# Deeper nests, and longer lists, are no batch.
MAX_DEPTH, MAX_ITEMS = 6, 512
# Values up to so many bytes a step are copied, so that work in place by the program cannot change them later.
COPIED_BYTES = 4 << 20


@dataclass(slots=True)
class Held:
    """A tensor that is kept; `version` of the original where it is shared with the program, None for a copy."""

    tensor: torch.Tensor
    version: int | None

    @property
    def changed(self) -> bool:
        """The program has changed it in place since."""
        return self.version is not None and self.tensor._version != self.version


class Packer:
    """Turns values into JSON, and keeps their tensors by name; the same tensor is kept once.

    Attributes:
        held: the tensors; `bytes`: what they fill; `left_out`: names of those that were too large.
    """

    def __init__(self, limit: int) -> None:
        self.held: dict[str, Held] = {}
        self.left_out: list[str] = []
        self.bytes = self._copied = 0
        self._limit = limit
        # The originals, so that no identity is used again while it is looked up here.
        self._known: dict[int, tuple[Any, str]] = {}

    def close(self) -> None:
        """Nothing more will come: the program's own objects are let go."""
        self._known.clear()

    def pack(self, value: Any, name: str, depth: int = 0) -> Packed:
        """The value as JSON; what cannot be kept becomes `{"own": 1}`: the replay uses its own."""
        if isinstance(value, torch.Tensor):
            return self._tensor(value, name)
        if value is None or isinstance(value, (bool, int, str)):
            return {"value": value}
        if isinstance(value, float):
            return {"float": repr(value)}
        if isinstance(value, np.ndarray):
            return self._array(value, name)
        if depth >= MAX_DEPTH or isinstance(value, (nn.Module, type)) or callable(value):
            return {"own": 1}
        return self._nest(value, name, depth + 1)

    def _nest(self, value: Any, name: str, depth: int) -> Packed:
        if type(value) is dict:
            items = [[k, self.pack(v, f"{name}.{k}", depth)] for k, v in value.items() if isinstance(k, (str, int))]
            return {"dict": items} if len(items) == len(value) <= MAX_ITEMS else {"own": 1}
        if isinstance(value, (list, tuple)):
            if len(value) > MAX_ITEMS:
                return {"own": 1}
            kind = "list" if type(value) is list else "tuple"
            return {kind: [self.pack(v, f"{name}.{i}", depth) for i, v in enumerate(value)]}
        try:
            attributes = object.__getattribute__(value, "__dict__")  # no code of the user's
        except AttributeError:
            return {"own": 1}
        if not attributes or len(attributes) > MAX_ITEMS:
            return {"own": 1}
        return {"object": {k: self.pack(v, f"{name}.{k}", depth) for k, v in attributes.items()}}

    def _tensor(self, value: torch.Tensor, name: str) -> Packed:
        packed: Packed = {"grad": 1} if value.requires_grad and value.is_leaf else {}
        kept = self._keep(value, name)
        return packed | {"tensor": kept} if kept is not None else {"own": 1}

    def _array(self, value: np.ndarray[Any, Any], name: str) -> Packed:
        if value.dtype.kind not in "fiub" or not value.dtype.isnative or not value.flags.writeable:
            return {"own": 1}
        known = self._known.get(id(value))
        kept = known[1] if known is not None else self._keep(torch.from_numpy(value), name)
        if kept is None:
            return {"own": 1}
        self._known[id(value)] = (value, kept)
        return {"array": kept}

    def _keep(self, value: torch.Tensor, name: str) -> str | None:
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        if not is_plain(value) or torch._C._functorch.is_functorch_wrapped_tensor(value):
            return None
        size = value.numel() * value.element_size()
        if self.bytes + size > self._limit:
            self.left_out.append(name)
            return None
        copied = self._copied + size <= COPIED_BYTES
        version = None if copied or value.is_inference() else value._version
        self.held[name] = Held(value.detach().clone() if copied else value.detach(), version)
        self.bytes += size
        self._copied += size if copied else 0
        self._known[id(value)] = (value, name)
        return name


def unpack(packed: Packed, own: Any, load: Callable[[str], torch.Tensor]) -> Any:
    """The value as it was stored; where nothing was, the replay's own.

    Args:
        own: what the program has in this place now: says on which device, and of which class.
        load: the stored tensor of a name.
    """
    if "tensor" in packed:
        return _placed(load(packed["tensor"]), own, bool(packed.get("grad")))
    if "array" in packed:
        return load(packed["array"]).numpy()
    if "float" in packed:
        return float(packed["float"])
    if "value" in packed:
        return packed["value"]
    if "dict" in packed:
        items = own if isinstance(own, Mapping) else {}
        return {k: unpack(v, items.get(k), load) for k, v in packed["dict"]}
    if "list" in packed or "tuple" in packed:
        return _sequence(packed, own, load)
    if "object" in packed and hasattr(own, "__dict__"):
        made = copy.copy(own)
        attributes = packed["object"].items()
        vars(made).update({k: unpack(v, vars(own).get(k), load) for k, v in attributes if k in vars(own)})
        return made
    return own


def _sequence(packed: Packed, own: Any, load: Callable[[str], torch.Tensor]) -> Any:
    parts: list[Packed] = packed["list"] if "list" in packed else packed["tuple"]
    owns = list(own) if isinstance(own, (list, tuple)) else []
    made = [unpack(part, owns[i] if i < len(owns) else None, load) for i, part in enumerate(parts)]
    if "list" in packed:
        return made
    if isinstance(own, tuple) and hasattr(own, "_fields") and len(own) == len(made):
        return type(own)(*made)
    return tuple(made)


def _placed(stored: torch.Tensor, own: Any, grad: bool) -> torch.Tensor:
    if isinstance(own, torch.Tensor) and own.device.type != "meta":
        stored = stored.to(own.device)
    stored = stored.clone()
    return stored.requires_grad_() if grad and (stored.is_floating_point() or stored.is_complex()) else stored


def tensor_names(packed: Any) -> list[str]:
    """The names of the tensors of a packed value, in order."""
    if isinstance(packed, dict):
        if "tensor" in packed or "array" in packed:
            return [packed.get("tensor") or packed["array"]]
        return [name for part in packed.values() for name in tensor_names(part)]
    if isinstance(packed, list):
        return [name for part in packed for name in tensor_names(part)]
    return []
