"""Every module of every trained model: class, settings, shapes, and in which order the modules are called."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from netvet.capture.site import _kind, _shown
from netvet.capture.torch_events import Call, Session
from netvet.capture.torch_hooks import CallHooks, is_compiled, path_in_model, walk
from netvet.capture.torch_models import plain_name, unwrapped
from netvet.capture.torch_order import place as fields
from netvet.capture.torch_origins import called_by_user, origins_of

MAX_ROOTS, MAX_MODULES = 50, 5_000
# Calls of a root in its first steps that are looked at: its parts may be called one by one.
FIRST_CALLS, FIRST_STEPS = 8, 2

_SETTINGS = (
    "p", "dim", "eps", "momentum", "affine", "track_running_stats", "elementwise_affine", "in_features",
    "out_features", "in_channels", "out_channels", "kernel_size", "stride", "padding", "padding_mode", "dilation",
    "groups", "num_features", "num_groups", "num_channels", "normalized_shape", "num_embeddings", "embedding_dim",
    "padding_idx", "sparse", "max_norm", "input_size", "hidden_size", "num_layers", "bidirectional", "batch_first",
    "dropout", "nonlinearity", "num_heads", "embed_dim", "kdim", "vdim", "norm_first", "negative_slope", "alpha",
    "approximate", "inplace", "start_dim", "end_dim", "output_size", "scale_factor", "mode",
)  # fmt: skip


def settings_of(module: nn.Module) -> dict[str, Any]:
    """The settings of a module that are plain values; `bias` says whether it has one."""
    found: dict[str, Any] = {}
    for name in _SETTINGS:
        value = module.__dict__.get(name)
        if isinstance(value, (bool, int, float, str)) or (value is None and name in module.__dict__):
            found[name] = value
        elif isinstance(value, (tuple, list)) and all(isinstance(v, (bool, int, float, str)) for v in value):
            found[name] = list(value)
    own = dict(module._parameters.items())  # of a scripted module it is no dict
    bias = own.get("bias", module.__dict__.get("bias"))
    if "bias" in own or "bias" in module.__dict__:
        found["bias"] = bias if isinstance(bias, bool) else bias is not None
    return found


def class_place(cls: type) -> tuple[str, int] | None:
    """File and line of a class that the user wrote."""
    try:
        file = inspect.getsourcefile(cls)
        if file is None or _kind(file) != 0:
            return None
        return _shown(file), inspect.findsource(cls)[1] + 1
    except (OSError, TypeError, IndexError):
        return None


def _elements(p: torch.Tensor) -> int:
    return 0 if is_lazy(p) else p.numel()


def shape_of(value: Any) -> list[int] | None:
    """Shape of the first tensor in it."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return next((s for v in value[:8] if (s := shape_of(v)) is not None), None)
    return list(value.shape) if isinstance(value, torch.Tensor) else None


class ModuleCollector:
    """Records `modules`, and leaves the paths of called modules in `session.options["called_modules"]`."""

    part = "modules"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._hooks = CallHooks(session, self.part)
        self._records: dict[str, dict[str, dict[str, Any]]] = {}
        self._calls: dict[str, int] = {}
        self._order: dict[str, int] = {}
        self._now: dict[str, int] = {}
        self._current: dict[str, dict[str, Any]] = {}
        self._places: dict[type, tuple[str, int] | None] = {}

    def on_call_begin(self, event: Call) -> None:
        self._hooks.remove()
        session = self._session
        if event.phase != "train":
            return
        root = session.models.name(event.model)
        calls = self._calls.get(root, 0)
        if calls and (session.step >= FIRST_STEPS or calls >= FIRST_CALLS):
            return
        if root not in self._records:
            if len(self._records) >= MAX_ROOTS:
                return
            self._records[root] = self._describe(root, event.model)
        self._calls[root] = calls + 1
        self._current, self._now = self._records[root], {}
        if is_compiled(event.model):
            return
        prefix = path_in_model(session, event)
        for path, module in walk(event.module):
            name = (prefix + plain_name(path)) if path else prefix.rstrip(".")
            self._hooks.add(name, module, self._after, self._before)

    def _place(self, cls: type) -> tuple[str, int] | None:
        if cls not in self._places:
            self._places[cls] = class_place(cls)
        return self._places[cls]

    def _describe(self, root: str, model: nn.Module) -> dict[str, dict[str, Any]]:
        """Records by path; the root's path is its prefix, as for its own parameters."""
        prefix = self._session.models.prefix(model)
        records: dict[str, dict[str, Any]] = {}
        inner = unwrapped(model)
        for path, module in list(inner.named_modules())[:MAX_MODULES]:
            place = self._place(type(module))
            own = sum(_elements(p) for p in module._parameters.values() if p is not None)
            key = (prefix + plain_name(path)) if path else prefix.rstrip(".")
            records[key] = {
                "name": key if path else type(inner).__name__ if not prefix else root,
                "model": root, "cls": type(module).__name__, "is_leaf": not module._modules,
                "training": module.training, "parameters": own,
                "total_parameters": sum(_elements(p) for p in module.parameters()),
                "called": None, "order": None, "input_shape": None, "output_shape": None,
                "settings": settings_of(module),
                "file": place[0] if place else None, "line": place[1] if place else None,
                **fields(origins_of(self._session).modules.get(module), "created_"), **fields(None, "called_"),
            }  # fmt: skip
        return records

    def _before(self, name: str, _module: nn.Module) -> None:
        record = self._current.get(name)
        if record is None:
            return
        if record["order"] is None:
            root = record["model"]
            order = record["order"] = self._order.get(root, 0)
            self._order[root] = order + 1
            if order:  # the first is the root, which the training loop calls
                record |= fields(called_by_user(sys._getframe(1)), "called_")
        self._now[name] = self._now.get(name, 0) + 1

    def _after(self, name: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        record = self._current.get(name)
        if record is not None and record["output_shape"] is None:
            record["input_shape"] = shape_of(args) or shape_of(kwargs)
            record["output_shape"] = shape_of(output)
        called: set[str] = self._session.options.setdefault("called_modules", set())
        called.add(name)
        # These are used without being called: lists of parameters, and the projection inside attention.
        for child, part in module._modules.items():
            held = isinstance(part, (nn.ParameterList, nn.ParameterDict)) or isinstance(module, nn.MultiheadAttention)
            if held:
                called.add(f"{name}.{child}" if name else child)

    def on_call_failed(self, _event: Call) -> None:
        self._hooks.remove()

    def on_call_end(self, _event: Call) -> None:
        if not self._hooks.open:
            return
        self._hooks.remove()
        for name, count in self._now.items():
            if self._current[name]["called"] is None:
                self._current[name]["called"] = count

    def on_report(self, _: None) -> None:
        self._session.recorder.facts("modules", [r for records in self._records.values() for r in records.values()])

    def on_finish(self, _ended: str) -> None:
        self._hooks.remove()
