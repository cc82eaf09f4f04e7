"""Every parameter of every model: who trains it, what reaches it, whether it ever changes."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_events import Happening, Session, Step

# So many elements, evenly spread, show whether a parameter changes while the run goes on.
SAMPLE = 1024


@dataclass
class _Seen:
    """What is known of one parameter."""

    parameter: weakref.ref[torch.nn.Parameter]
    record: dict[str, Any]
    sample: torch.Tensor
    total: float
    zero_streak: int = 0


class CoverageCollector:
    """Records `parameters`."""

    part = "parameters"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[int, _Seen] = {}
        self._in_optimizer: dict[int, str] = {}
        self._loaded: dict[int, float] = {}

    def on_checkpoint(self, event: Happening) -> None:
        if (
            event.details["kind"] == "load_state_dict"
            and isinstance(event.subject, nn.Module)
            and not self._session.first_step_done
        ):
            content = event.details["content"]
            keys = set(content) if isinstance(content, dict) else set()
            for name, p in event.subject.named_parameters():
                if not keys or name in keys:
                    self._loaded[id(p)] = _total(p)

    def on_backward_end(self, _event: Any) -> None:
        """Look at the parameters of scripts that (so far) take no optimizer step."""
        if self._session.deep and not self._session.first_step_done:
            self._look_at_all("")

    def on_step_begin(self, event: Step) -> None:
        if not self._session.deep:
            return
        for group in event.optimizer.param_groups:
            for p in group["params"]:
                self._in_optimizer.setdefault(id(p), event.name)
        self._look_at_all(event.name)

    def _look_at_all(self, optimizer: str) -> None:
        models = self._session.models
        models.refresh()
        for name, p, model in models.parameters():
            one = self._seen.get(id(p))
            if one is None or one.parameter() is not p:
                one = self._seen[id(p)] = self._first_look(name, p, models.name(model))
            self._look(one, p, held=bool(optimizer) and self._in_optimizer.get(id(p)) == optimizer)

    def _first_look(self, name: str, p: torch.nn.Parameter, model: str) -> _Seen:
        loaded = self._loaded.get(id(p))
        total = _total(p)
        dense = p.detach()
        record = {
            "name": name, "model": model, "layer": name.rpartition(".")[0], "shape": list(p.shape),
            "elements": p.numel(),
            "requires_grad": p.requires_grad, "reached": False, "changed": False, "loaded": loaded is not None,
            "overwritten": loaded is not None and loaded != total, "zero_grad_steps": 0, "deep_steps": 0,
            "init_std": float(dense.float().std()) if p.numel() > 1 and p.is_floating_point() else None,
            "init_mean": float(dense.float().mean()) if p.numel() and p.is_floating_point() else None,
            "first_frozen_step": None,
        }  # fmt: skip
        return _Seen(weakref.ref(p), record, _sample(p), total)

    def _look(self, one: _Seen, p: torch.nn.Parameter, *, held: bool) -> None:
        record = one.record
        if p.grad is not None:
            record["reached"] = True
        if not p.requires_grad and record["first_frozen_step"] is None:
            record["first_frozen_step"] = self._session.step
        if not record["changed"]:
            record["changed"] = not torch.equal(one.sample, _sample(p))
        if held:
            record["deep_steps"] += 1
            gradient = p.grad
            dense = None if gradient is None else gradient._values() if gradient.is_sparse else gradient
            one.zero_streak = one.zero_streak + 1 if dense is not None and not bool(dense.any()) else 0
            record["zero_grad_steps"] = max(record["zero_grad_steps"], one.zero_streak)

    def on_finish(self, _ended: str) -> None:
        for one in self._seen.values():
            p = one.parameter()
            if p is not None and not one.record["changed"]:
                one.record["changed"] = one.total != _total(p) or not torch.equal(one.sample, _sample(p))

    def on_report(self, _: None) -> None:
        called = self._session.options.get("called_modules")
        layer_types = self._layer_types()
        records = []
        for key, one in self._seen.items():
            optimizer = self._in_optimizer.get(key)
            layer = one.record["name"].rpartition(".")[0]
            records.append(
                {
                    **one.record, "in_optimizer": optimizer is not None, "optimizer": optimizer,
                    "layer_type": layer_types.get(layer), "tied_names": self._tied(one),
                    "module_called": None if called is None else layer in called,
                }
            )  # fmt: skip
        self._session.recorder.facts("parameters", records)

    def _layer_types(self) -> dict[str, str]:
        models = self._session.models
        return {models.prefix(m) + n: type(sub).__name__ for m in models.called() for n, sub in m.named_modules()}

    def _tied(self, one: _Seen) -> list[str]:
        models, p = self._session.models, one.parameter()
        found = [
            models.prefix(m) + n
            for m in models.called()
            for n, q in m.named_parameters(remove_duplicate=False)
            if q is p
        ]
        return [n for n in found if n != one.record["name"]]


def _sample(p: torch.Tensor) -> torch.Tensor:
    flat = p.detach().reshape(-1)
    return flat[:: max(1, flat.numel() // SAMPLE)].clone()


def _total(p: torch.Tensor) -> float:
    """A sum that differs when the values differ (nearly surely): positions are weighed unequally by float64 order."""
    return float(p.detach().double().sum()) + float(p.detach().double().square().sum())
