"""Which models are called where, and in which mode."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from netvet.capture.torch_events import Call, Session
from netvet.capture.torch_order import place
from netvet.capture.torch_origins import origins_of

MAX_SITES = 200
MAX_NAMES = 20


def dropout_active(model: nn.Module) -> bool:
    """Any dropout layer with p > 0 is in training mode."""
    return any(isinstance(m, _DropoutNd) and m.training and m.p > 0 for m in model.modules())


def batch_norm_active(model: nn.Module) -> bool:
    """Any batch norm is in training mode."""
    return any(isinstance(m, _BatchNorm) and m.training for m in model.modules())


class CallCollector:
    """Records `calls`."""

    part = "model calls"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._records: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._trained: set[str] = set()

    def on_call_begin(self, event: Call) -> None:
        name = self._session.models.name(event.model)
        key = (name, str(event.site), event.phase)
        record = self._records.get(key)
        if record is None:
            if len(self._records) >= MAX_SITES:
                return
            record = self._records[key] = self._describe(name, event)
        record["calls"] += 1
        record["last_step"] = self._session.step
        record["last_heard"] = self._session.heard
        if event.phase == "train":
            self._trained.add(name)

    def _describe(self, name: str, event: Call) -> dict[str, Any]:
        modules = list(event.model.named_modules())
        partly = [n for n, m in modules if n and not m.training and any(True for _ in m.parameters(recurse=False))]
        return {
            "model": name, "phase": event.phase, **place(event.site), "calls": 0, "first_step": self._session.step,
            "first_heard": self._session.heard,
            "modules_in_train_mode": sum(m.training for _, m in modules) / len(modules),
            "dropout_active": dropout_active(event.model), "batch_norm_active": batch_norm_active(event.model),
            "has_dropout": any(isinstance(m, _DropoutNd) and m.p > 0 for _, m in modules),
            "has_batch_norm": any(isinstance(m, _BatchNorm) and m.track_running_stats for _, m in modules),
            "compiled": hasattr(event.model, "_orig_mod"),
            "first_eval_to_train": name in self._trained if event.phase == "eval-mode-grad" else None,
            **place(origins_of(self._session).modes.get(event.model), "mode_"),
            "partly": partly[:MAX_NAMES] if event.phase == "train" else [],
        }  # fmt: skip

    def on_report(self, _: None) -> None:
        self._session.recorder.facts("calls", list(self._records.values()))
