"""Watch what was there before the taps: models, optimizers, schedulers, and functions that were imported by name."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from netvet.capture.site import _kind
from netvet.capture.torch_events import Happening, Session
from netvet.capture.torch_session import Watch
from netvet.capture.torch_taps_model import LOSS_FUNCTIONS

# Functions of PyTorch that scripts import by name.
_IMPORTED = ((functional, LOSS_FUNCTIONS), (nn.utils, ("clip_grad_norm_", "clip_grad_value_")))


def adopt(watch: Watch, models: Mapping[str, nn.Module], optimizers: Iterable[Optimizer], trained: bool | None) -> None:
    """Tell the collectors of what exists; after the taps are in.

    Args:
        watch: the taps.
        models: by name; a number stands for none.
        optimizers: those that count, none for all.
        trained: the models were trained or loaded before; None: as it seems.
    """
    session = watch.session
    for name, model in models.items():
        session.models.adopt(model, None if name.isdigit() else name)
    living = _living()
    found = list(optimizers) or _holding(living, list(models.values()))
    for optimizer in found:
        name = watch.optimizers.name(optimizer)
        session.emit("optimizer_created", Happening(optimizer, None, {"name": name}))
    for scheduler in _schedulers(living, found):
        session.emit("scheduler_created", Happening(scheduler, None, {"arguments": {}, "positional": ()}))
    every = list(models.values())
    if trained or (trained is None and (any(map(_has_stepped, found)) or any(map(_has_learned, every)))):
        _tell_loaded(session, [(model, set(model.state_dict())) for model in every])
        _tell_loaded(session, [(optimizer, None) for optimizer in found if optimizer.state])
    elif trained is None:
        # A trunk that is frozen is one that was loaded.
        _tell_loaded(session, [(model, keys) for model in every if (keys := _frozen(model))])


def _holding(living: list[Any], models: list[nn.Module]) -> list[Optimizer]:
    """The optimizers that hold parameters of the models."""
    mine = {id(p) for model in models for p in model.parameters()}
    optimizers = [one for one in living if isinstance(one, Optimizer)]
    return [one for one in optimizers if any(id(p) in mine for g in one.param_groups for p in g["params"])]


def _schedulers(living: list[Any], optimizers: list[Optimizer]) -> list[LRScheduler]:
    mine = {id(one) for one in optimizers}
    schedulers = [one for one in living if isinstance(one, LRScheduler)]
    return [one for one in schedulers if id(getattr(one, "optimizer", None)) in mine]


def _living() -> list[Any]:
    """All optimizers and schedulers that exist, whoever holds them."""
    # The type, not isinstance: proxies answer that with code of their own.
    return [one for one in gc.get_objects() if issubclass(type(one), (Optimizer, LRScheduler))]


def _has_stepped(optimizer: Optimizer) -> bool:
    held = [p for group in optimizer.param_groups for p in group["params"]]
    return bool(optimizer.state) or any(p.grad is not None for p in held)


def _has_learned(model: nn.Module) -> bool:
    """Whether a norm layer has left its initial state: constant weights, no batches seen."""
    with torch.no_grad():
        for module in model.modules():
            if not type(module).__name__.endswith(("Norm", "Norm1d", "Norm2d", "Norm3d")):
                continue
            weight, batches = getattr(module, "weight", None), getattr(module, "num_batches_tracked", None)
            if isinstance(batches, torch.Tensor) and not batches.is_meta and bool(batches > 0):
                return True
            if isinstance(weight, torch.Tensor) and weight.numel() > 1 and not weight.is_meta:
                low, high = torch.aminmax(weight)
                if bool(low < high):
                    return True
    return False


def _frozen(model: nn.Module) -> set[str]:
    names = {name for name, p in model.named_parameters() if not p.requires_grad}
    return names if len(names) < sum(1 for _ in model.parameters()) else set()


def _tell_loaded(session: Session, subjects: list[tuple[Any, set[str] | None]]) -> None:
    """What was there before is taken as if a checkpoint had been loaded: with these keys, None for all."""
    for subject, keys in subjects:
        content = dict.fromkeys(keys) if keys is not None else None
        details: dict[str, Any] = {
            "kind": "load_state_dict",
            "content": content,
            "missing": [],
            "unexpected": [],
            "strict": True,
        }
        session.emit("checkpoint", Happening(subject, None, details))


class Rebinding:
    """Lets names that users imported before (`from torch.nn.functional import cross_entropy`) see the taps too."""

    def __init__(self, caller: dict[str, Any]) -> None:
        self._undo: list[tuple[dict[str, Any], str, Any, Any]] = []
        taps = {
            id(original): (original, tapped)
            for owner, names in _IMPORTED
            for name in names
            if (original := getattr(tapped := getattr(owner, name), "__wrapped__", None)) is not None
        }
        for names in (caller, *_users_modules(caller)):
            for name, value in list(names.items()):
                found = taps.get(id(value))
                if found is not None and found[0] is value:
                    names[name] = found[1]
                    self._undo.append((names, name, *found))

    def undo(self) -> None:
        """Put the originals back where nothing else was put meanwhile."""
        while self._undo:
            names, name, original, tapped = self._undo.pop()
            if names.get(name) is tapped:
                names[name] = original


def _users_modules(caller: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        file = names.get("__file__") if isinstance(names, dict) else None
        if isinstance(names, dict) and isinstance(file, str) and names is not caller and _kind(file) == 0:
            found.append(names)
    return found
