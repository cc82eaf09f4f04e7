"""Every parameter of every model: who trains it, what reaches it, whether it ever changes."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import torch
from torch import nn

from netvet.capture.site import Site, site_within, user_codes
from netvet.capture.source import freezing_lines
from netvet.capture.torch_events import Happening, Session, Step
from netvet.capture.torch_models import WeakIdMap
from netvet.capture.torch_order import place
from netvet.capture.torch_origins import Origins, origins_of
from netvet.capture.torch_shards import is_shared, own_part

# So many elements, evenly spread, show whether a parameter changes while the run goes on.
SAMPLE = 1024
# Optimizers whose first step is looked at in any case; a script may make one for each step.
MAX_MET = 100
# Weights that were perturbed or averaged still correlate with the loaded ones; freshly drawn ones do not.
ALIKE = 0.5


@dataclass
class _Seen:
    """What is known of one parameter."""

    parameter: weakref.ref[torch.nn.Parameter]
    record: dict[str, Any]
    sample: torch.Tensor
    total: float
    zero_streak: int = 0
    optimizer: str | None = None
    places: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Loaded:
    """A parameter into which values were loaded, and whether they were found gone (None: not looked yet)."""

    parameter: weakref.ref[torch.nn.Parameter]
    sample: torch.Tensor
    total: float
    step: int
    codes: frozenset[CodeType]
    site: Site | None = None
    lost: bool | None = None


class CoverageCollector:
    """Records `parameters`."""

    part = "parameters"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[int, _Seen] = {}
        self._holders: WeakIdMap[str] = WeakIdMap()  # the first optimizer that stepped with a parameter
        self._met: set[str] = set()
        self._loaded: dict[int, _Loaded] = {}
        self._judged: set[str] = set()  # optimizers whose parameters were compared with what was loaded last

    def on_checkpoint(self, event: Happening) -> None:
        if event.details["kind"] == "load_state_dict" and isinstance(event.subject, nn.Module):
            content = event.details["content"]
            self._judged.clear()
            keys, codes = set(content) if isinstance(content, dict) else set(), user_codes()
            for name, p in event.subject.named_parameters():
                known = self._seen.get(id(p))
                if (not keys or name in keys) and (known is None or known.parameter() is not p):
                    self._loaded[id(p)] = _Loaded(weakref.ref(p), _sample(p), _total(p), self._session.step, codes)

    def on_initialised(self, event: Happening) -> None:
        """A function of torch.nn.init has drawn a tensor: remember the line if its weights had been loaded."""
        one = self._loaded.get(id(event.subject))
        if one is not None and one.parameter() is event.subject and one.lost is None:
            # The function that loaded called what drew anew: its line is the one to blame.
            one.site = site_within(one.codes) or event.site

    def on_backward_end(self, _event: Any) -> None:
        """Look at the parameters of scripts that (so far) take no optimizer step."""
        if self._session.deep and not self._session.first_step_done:
            self._look_at_all("")

    def on_step_begin(self, event: Step) -> None:
        if self._loaded and event.name not in self._judged:
            self._judged.add(event.name)
            for group in event.optimizer.param_groups:
                for p in group["params"]:
                    self._judge(p)
        # Its first step shows what it holds, deep or not: a model of a sweep may be gone before the next deep one.
        met = event.name in self._met or len(self._met) >= MAX_MET
        if met and not self._session.deep:
            return
        self._met.add(event.name)
        for group in event.optimizer.param_groups:
            for p in group["params"]:
                if self._holders.get(p) is None:
                    self._holders.set(p, event.name)
        self._look_at_all(event.name)

    def _judge(self, p: torch.Tensor) -> bool | None:
        """Whether the values that were loaded are gone before the parameter was ever trained; None if never loaded."""
        one = self._loaded.get(id(p))
        if one is None or one.parameter() is not p:
            return None
        if one.lost is None:
            one.lost = one.total != _total(p) and not _alike(one.sample, _sample(p))
        return one.lost

    def _look_at_all(self, optimizer: str) -> None:
        models = self._session.models
        models.refresh()
        for name, p, model in models.parameters():
            one = self._seen.get(id(p))
            if one is None or one.parameter() is not p:
                one = self._seen[id(p)] = self._first_look(name, p, models.name(model))
            one.optimizer = self._holders.get(p)
            self._look(one, p, held=bool(optimizer) and one.optimizer == optimizer)

    def _first_look(self, name: str, p: torch.nn.Parameter, model: str) -> _Seen:
        loaded, lost, total, dense = self._loaded.get(id(p)), None, _total(p), own_part(p)
        if loaded is not None and (loaded.lost is not None or loaded.step == self._session.step):
            # Later than that, a moving average of the weights would look like lost weights.
            lost = self._judge(p)
        record = {
            "name": name, "model": model, "layer": name.rpartition(".")[0], "shape": list(p.shape),
            "elements": p.numel(),
            "requires_grad": p.requires_grad, "reached": False, "changed": False, "loaded": lost is not None,
            "overwritten": bool(lost), "zero_grad_steps": 0, "deep_steps": 0,
            "init_std": float(dense.float().std()) if dense.numel() > 1 and p.is_floating_point() else None,
            "init_mean": float(dense.float().mean()) if dense.numel() and p.is_floating_point() else None,
            "first_frozen_step": None, "layer_type": None,
        } | (place(loaded.site, "drawn_") if lost and loaded is not None else {})  # fmt: skip
        if is_shared(p):
            record["local_elements"] = dense.numel()
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
            dense = None if gradient is None else gradient._values() if gradient.is_sparse else own_part(gradient)
            one.zero_streak = one.zero_streak + 1 if dense is not None and not bool(dense.any()) else 0
            record["zero_grad_steps"] = max(record["zero_grad_steps"], one.zero_streak)

    def on_finish(self, _ended: str) -> None:
        for one in self._seen.values():
            p = one.parameter()
            if p is not None and not one.record["changed"]:
                one.record["changed"] = one.total != _total(p) or not torch.equal(one.sample, _sample(p))

    def on_report(self, _: None) -> None:
        called = self._session.options.get("called_modules")
        layers = self._layers()
        records = []
        for one in self._seen.values():
            layer = one.record["name"].rpartition(".")[0]
            if layer in layers:  # a model that is gone by now was there at an earlier report
                one.record["layer_type"] = type(layers[layer]).__name__
            records.append(
                {
                    **one.record, "in_optimizer": one.optimizer is not None, "optimizer": one.optimizer,
                    "tied_names": self._tied(one),
                    "module_called": None if called is None else layer in called,
                    **self._places(one, layers.get(layer)),
                }
            )  # fmt: skip
        self._session.recorder.facts("parameters", records)

    def _layers(self) -> dict[str, nn.Module]:
        models = self._session.models
        return {models.prefix(m) + n: sub for m in models.called() for n, sub in m.named_modules()}

    def _places(self, one: _Seen, layer: nn.Module | None) -> dict[str, Any]:
        """Where it was made, where its first values and its flag were set."""
        p, origins = one.parameter(), origins_of(self._session)
        if p is None:
            return one.places
        made, filled = origins.parameter_made(p, layer), origins.value_set(p)
        places = {**place(made, "created_"), **place(filled, "init_"), **place(_frozen_at(p, origins, made), "frozen_")}
        one.places = {**one.places, **{k: v for k, v in places.items() if v is not None}}
        return {**places, **one.places}

    def _tied(self, one: _Seen) -> list[str]:
        models, p = self._session.models, one.parameter()
        found = [
            models.prefix(m) + n
            for m in models.called()
            for n, q in m.named_parameters(remove_duplicate=False)
            if q is p
        ]
        return [n for n in found if n != one.record["name"]]


def _frozen_at(p: torch.Tensor, origins: Origins, made: Site | None) -> Site | None:
    """The line that froze a parameter: an attribute that is set is only seen in the source."""
    known = origins.frozen.get(p)
    if known is not None or p.requires_grad or made is None:
        return known
    lines = freezing_lines(made.file)
    return Site(made.file, lines[0]) if len(lines) == 1 else None


def _sample(p: torch.Tensor) -> torch.Tensor:
    flat = own_part(p).reshape(-1)
    return flat[:: max(1, flat.numel() // SAMPLE)].clone()


def _total(p: torch.Tensor) -> float:
    """A sum that differs when the values differ (nearly surely): positions are weighed unequally by float64 order."""
    values = own_part(p)
    values = (torch.view_as_real(values.resolve_conj()) if values.is_complex() else values).double()
    return float(values.sum()) + float(values.square().sum())


def _alike(old: torch.Tensor, new: torch.Tensor) -> bool:
    """Whether new values still resemble old ones: noise was added, or they were averaged or scaled."""
    if old.shape != new.shape or old.numel() < 8 or not old.is_floating_point():
        return False
    a, b = (v.double() - v.double().mean() for v in (old, new))
    size = float(a.norm() * b.norm())
    return size > 0 and abs(float(a @ b)) / size > ALIKE
