"""Which modules exist, which contains which, and what their parameters are called."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from netvet.capture.torch_patch import Patches

# Wrappers put these in front of the names that the user knows.
_WRAPPER_PREFIXES = ("_orig_mod.", "module.", "_fsdp_wrapped_module.")


def plain_name(name: str) -> str:
    """A parameter's or module's name without what torch.compile and DataParallel put in front."""
    for prefix in _WRAPPER_PREFIXES:
        name = name.removeprefix(prefix)
    return name


def unwrapped(module: nn.Module) -> nn.Module:
    """The user's own module inside a compiled or parallel wrapper."""
    while True:
        inner = getattr(module, "_orig_mod", None)
        if inner is None and type(module).__name__ in ("DistributedDataParallel", "DataParallel"):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        module = inner


V = TypeVar("V")


class WeakIdMap(Generic[V]):
    """Values by the identity of objects that it does not keep alive; an id that is used again is not mixed up."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], V]] = {}

    def get(self, key: object) -> V | None:
        """The value of this very object."""
        entry = self._entries.get(id(key))
        return entry[1] if entry is not None and entry[0]() is key else None

    def set(self, key: object, value: V) -> None:
        """Remember a value for an object that can be referred to weakly."""
        self._entries[id(key)] = (weakref.ref(key), value)

    def alive(self) -> list[tuple[Any, V]]:
        """The objects that still exist, in the order in which they came; the others are forgotten."""
        found = [(ref(), ref, value) for ref, value in self._entries.values()]
        self._entries = {id(key): (ref, value) for key, ref, value in found if key is not None}
        return [(key, value) for key, _, value in found if key is not None]


class Models:
    """All modules made during the run (held weakly), and names for those that were called.

    The first model's parameters keep the names that the user knows (`fc1.weight`); those of further
    models have the model's name in front (`Critic.fc1.weight`).
    """

    def __init__(self) -> None:
        self._alive: dict[int, weakref.ref[nn.Module]] = {}
        self._names: WeakIdMap[str] = WeakIdMap()
        self._called: list[weakref.ref[nn.Module]] = []
        self._counts: dict[str, int] = {}
        self._tensor_names: WeakIdMap[str] = WeakIdMap()
        self._owners: WeakIdMap[weakref.ref[nn.Module]] = WeakIdMap()
        self._given: WeakIdMap[str] = WeakIdMap()

    def adopt(self, model: nn.Module, name: str | None = None) -> None:
        """Know a model that was made before the run began, by a name of the user's if they gave one."""
        for module in model.modules():
            self._alive[id(module)] = weakref.ref(module)
        if name:
            self._given.set(model, name)

    def watch_construction(self, patches: Patches) -> None:
        """Hear of every module that is made, copied or unpickled."""

        def make(original: Any) -> Any:
            def construct(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
                result = original(module, *args, **kwargs)
                self._alive[id(module)] = weakref.ref(module)
                return result

            return construct

        patches.wrap(nn.Module, "__init__", make)
        patches.wrap(nn.Module, "__setstate__", make)

    def alive(self) -> list[nn.Module]:
        """Every module that still exists."""
        found = {key: ref() for key, ref in self._alive.items()}
        self._alive = {key: self._alive[key] for key, module in found.items() if module is not None}
        return [module for module in found.values() if module is not None]

    def outermost(self, module: nn.Module) -> nn.Module:
        """The module that contains this one and is contained in none (itself, mostly)."""
        reference = self._owners.get(module)
        known = reference() if reference is not None else None
        if known is None:
            known = self._find_outermost(module)
            self._owners.set(module, weakref.ref(known))
        return known

    def _find_outermost(self, module: nn.Module) -> nn.Module:
        parents: dict[int, nn.Module] = {}
        for candidate in self.alive():
            for child in candidate._modules.values():
                if child is not None:
                    parents.setdefault(id(child), candidate)
        top, seen = module, {id(module)}
        while id(top) in parents and id(parents[id(top)]) not in seen:
            top = parents[id(top)]
            seen.add(id(top))
        # A loss module that holds the net, or a wrapper without parameters of its own, is still the model.
        return top

    def name(self, model: nn.Module) -> str:
        """The name of a called model: its class, numbered where there are several."""
        name = self._names.get(model)
        if name is None:
            cls = self._given.get(model) or type(unwrapped(model)).__name__
            self._counts[cls] = self._counts.get(cls, 0) + 1
            name = cls if self._counts[cls] == 1 else f"{cls}#{self._counts[cls]}"
            self._names.set(model, name)
            self._called.append(weakref.ref(model))
            self._owners.set(model, weakref.ref(model))
            self._name_tensors(model)
        return name

    def _name_tensors(self, model: nn.Module) -> None:
        for name, parameter in model.named_parameters():
            if self._tensor_names.get(parameter) is None:
                self._tensor_names.set(parameter, self.prefix(model) + plain_name(name))

    def refresh(self) -> None:
        """Name parameters that were added since their model was first called."""
        for model in self.called():
            self._name_tensors(model)

    def prefix(self, model: nn.Module) -> str:
        """What stands in front of the parameter names of this model: nothing for the first."""
        first = self._called[0]() if self._called else model
        # A module that is only called inside another model, which does not know it as its own, is no model.
        return "" if first is model else f"{self._names.get(model) or type(unwrapped(model)).__name__}."

    def called(self) -> list[nn.Module]:
        """The models that were called so far, in order, as far as they still exist."""
        return [model for ref in self._called if (model := ref()) is not None]

    def parameters(self) -> Iterator[tuple[str, torch.nn.Parameter, nn.Module]]:
        """Name, parameter and model of each distinct parameter of the called models."""
        seen: set[int] = set()
        for model in self.called():
            for name, parameter in model.named_parameters():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield self.prefix(model) + plain_name(name), parameter, model

    def tensor_name(self, tensor: torch.Tensor) -> str:
        """The parameter's name, `?` if it is in no called model."""
        return self._tensor_names.get(tensor) or "?"
