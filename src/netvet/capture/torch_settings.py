"""What the script set up: optimizers, schedulers, loss scaling, seeds, checkpoints."""

from __future__ import annotations

import statistics
import weakref
from collections import Counter
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_events import Backward, Happening, Session, Step
from netvet.capture.torch_order import place

MAX_RECORDS = 50
# Losses on each side of a restart that are averaged to see whether it jumped.
RESTART_LOSSES = 5
_GROUP_SETTINGS = (
    "lr", "initial_lr", "momentum", "betas", "eps", "weight_decay", "maximize", "alpha", "nesterov", "amsgrad",
)  # fmt: skip
_SCHEDULER_SETTINGS = (
    "T_max", "eta_min", "step_size", "gamma", "milestones", "total_steps", "total_iters", "T_0", "T_mult",
    "patience", "factor", "power", "start_factor", "end_factor", "max_lrs", "base_lrs", "mode", "step_size_up",
    "last_epoch",
)  # fmt: skip


class OptimizerCollector:
    """Records `optimizers`."""

    part = "optimizers"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._records: dict[str, dict[str, Any]] = {}
        self._alive: dict[str, weakref.ref[torch.optim.Optimizer]] = {}
        self._graded_ids: dict[str, set[int]] = {}

    def on_optimizer_created(self, event: Happening) -> None:
        name = event.details["name"]
        self._alive[name] = weakref.ref(event.subject)
        self._records[name] = {
            "name": name,
            "cls": type(event.subject).__name__,
            **place(event.site),
            "steps": 0,
            "zero_grad_calls": 0,
        }

    def on_zero_grad(self, event: Happening) -> None:
        for name, ref in self._alive.items():
            if ref() is event.subject:
                self._records[name]["zero_grad_calls"] += 1

    def on_backward_end(self, _event: Backward) -> None:
        """Notice gradients of optimizers that (so far) never step."""
        if not self._session.deep:
            return
        for name, ref in self._alive.items():
            optimizer = ref()
            if optimizer is not None and not self._graded_ids.get(name):
                held = (p for group in optimizer.param_groups for p in group["params"])
                self._graded_ids[name] = {id(p) for p in held if p.grad is not None}
                self._snapshot(name, optimizer)

    def on_step_begin(self, event: Step) -> None:
        record = self._records.setdefault(
            event.name, {"name": event.name, "cls": type(event.optimizer).__name__, "zero_grad_calls": 0}
        )
        record["last_step"] = self._session.step
        if "step_file" not in record:
            self._alive[event.name] = weakref.ref(event.optimizer)
            site = place(event.site)
            record |= {"step_file": site["file"], "step_line": site["line"]}
        if self._session.deep:
            ids = self._graded_ids.setdefault(event.name, set())
            ids.update(id(p) for group in event.optimizer.param_groups for p in group["params"] if p.grad is not None)

    def on_step_end(self, event: Step) -> None:
        if event.name not in self._session.steps_of:  # its first: it is counted when all have heard of it
            self._snapshot(event.name, event.optimizer)

    def on_finish(self, _ended: str) -> None:
        for name, ref in self._alive.items():
            optimizer = ref()
            if optimizer is not None:
                self._snapshot(name, optimizer)

    def _snapshot(self, name: str, optimizer: torch.optim.Optimizer) -> None:
        models = self._session.models
        models.refresh()
        owners = {id(p): models.name(m) for _, p, m in models.parameters()}
        groups, names, unknown, stale, graded = [], [], 0, 0, self._graded_ids.get(name, set())
        for group in optimizer.param_groups:
            held = [models.tensor_name(p) for p in group["params"]]
            settings = {key: _plain(group[key]) for key in _GROUP_SETTINGS if key in group}
            groups.append({**settings, "parameters": len(held), "names": held[:200]})
            names += held
            for p in group["params"]:
                if id(p) not in owners:
                    unknown += 1
                    stale += id(p) not in graded
        self._records[name] |= {
            "groups": groups, "parameters": names[:2000], "unknown_parameters": unknown, "stale_parameters": stale,
            "backward_seen": bool(graded),
            "models": sorted({owners[id(p)] for g in optimizer.param_groups for p in g["params"] if id(p) in owners}),
        }  # fmt: skip

    def on_report(self, _: None) -> None:
        steps = self._session.steps_of
        records = [r | {"steps": steps.get(name, 0)} for name, r in self._records.items()]
        self._session.recorder.facts("optimizers", records)


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return float(value)
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value if isinstance(value, (int, float, bool, str, type(None))) else str(value)


class SchedulerCollector:
    """Records `schedulers`."""

    part = "schedulers"
    dormant = ("scheduler_step", "loader_iter")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._records: dict[int, dict[str, Any]] = {}
        self._passes: dict[int, list[int]] = {}
        # Highest and latest rate, and the name of the optimizer.
        self._rates: dict[int, tuple[float, float, str]] = {}
        self._gaps: dict[int, list[int]] = {}

    def on_scheduler_created(self, event: Happening) -> None:
        scheduler = event.subject
        optimizer = getattr(scheduler, "optimizer", None)
        settings = {key: _plain(getattr(scheduler, key)) for key in _SCHEDULER_SETTINGS if hasattr(scheduler, key)}
        self._records[id(scheduler)] = {
            "cls": type(scheduler).__name__, **place(event.site), "step_file": None, "step_line": None, "steps": 0,
            "before_optimizer": False, "settings": settings, "horizon": _horizon(settings),
            "needs_metric": type(scheduler).__name__ == "ReduceLROnPlateau", "created_at": self._session.step,
            "optimizer": type(optimizer).__name__ if optimizer is not None else None, "optimizer_id": id(optimizer),
        }  # fmt: skip

    def on_scheduler_step(self, event: Happening) -> None:
        record = self._records.get(id(event.subject))
        if record is None:
            return
        record["steps"] += 1
        gaps = self._gaps.setdefault(id(event.subject), [])
        if len(gaps) < 10_000:
            gaps.append(self._session.step - record.get("last_step", record["created_at"]))
        record["last_step"] = self._session.step
        if record["steps"] == 1:
            site = place(event.site)
            record |= {
                "step_file": site["file"],
                "step_line": site["line"],
                "before_optimizer": self._session.step == record["created_at"],
            }

    def on_loader_iter(self, event: Happening) -> None:
        steps = self._passes.setdefault(id(event.subject), [])
        if len(steps) < 1000:
            steps.append(self._session.step)

    def on_step_begin(self, event: Step) -> None:
        rate = max(float(group["lr"]) for group in event.optimizer.param_groups)
        peak, _, _ = self._rates.get(id(event.optimizer), (rate, rate, ""))
        self._rates[id(event.optimizer)] = (max(peak, rate), rate, event.name)

    def on_report(self, _: None) -> None:
        per_pass = [b - a for steps in self._passes.values() for a, b in pairwise(steps) if b > a]
        epoch = statistics.median(per_pass) if per_pass else None
        records = []
        for key, known in self._records.items():
            record = dict(known)
            peak, last, name = self._rates.get(record.pop("optimizer_id"), (0.0, 0.0, ""))
            record |= {  # of several optimizers of one class, its own
                "optimizer": name or record["optimizer"], "optimizer_steps": self._session.steps_of.get(name, 0),
                "steps_per_epoch": epoch,
                "end_share": last / peak if peak else None,
                "per": _rhythm(record["steps"], self._gaps.get(key, []), epoch),
            }  # fmt: skip
            record.pop("created_at")
            record.pop("last_step", None)
            records.append(record)
        self._session.recorder.facts("schedulers", records)


def _horizon(settings: dict[str, Any]) -> float | None:
    for key in ("total_steps", "T_max", "total_iters"):
        if isinstance(settings.get(key), (int, float)):
            return float(settings[key])
    milestones = settings.get("milestones")
    if isinstance(milestones, (list, tuple)) and milestones:
        return float(max(milestones))
    return None


def _rhythm(steps: int, gaps: list[int], epoch: float | None) -> str:
    """How often step() is called, from the optimizer steps between calls."""
    if not steps:
        return "never"
    gap = statistics.median(gaps) if gaps else 0
    if gap <= 1:
        return "batch" if epoch is None or epoch > 1 else "epoch"
    if epoch is None or gap >= 0.5 * epoch:
        return "epoch"
    return "other"


class ScalerCollector:
    """Records `scalers`."""

    part = "loss scaling"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._scales: list[float] = []
        self._skips: list[bool] = []
        self._unscaled = self._clips = False

    def on_scaler(self, event: Happening) -> None:
        kind = event.details["kind"]
        if kind == "unscale":
            self._unscaled = True
        elif kind == "update":
            scale = float(event.subject.get_scale())
            # The scale falls exactly when a step was left out for inf.
            self._skips.append(bool(self._scales) and scale < self._scales[-1])
            self._scales.append(scale)
            if len(self._scales) > 100_000:
                del self._scales[1:50_000], self._skips[1:50_000]
        elif kind == "scale" and not self._scales:
            self._scales.append(float(event.subject.get_scale()))

    def on_clip(self, _event: Any) -> None:
        self._clips = True

    def on_report(self, _: None) -> None:
        if not self._scales:
            return
        late = self._skips[len(self._skips) // 10 :]
        self._session.recorder.facts(
            "scalers",
            [
                {
                    "scale_first": self._scales[0], "scale_last": self._scales[-1], "skipped": sum(self._skips),
                    "steps": len(self._skips), "skipped_after_warmup": sum(late) / len(late) if late else None,
                    "unscaled_before_clip": self._unscaled if self._clips else None,
                }
            ],
        )  # fmt: skip


class SeedCollector:
    """Records `seeds`."""

    part = "seeds"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._records: list[dict[str, Any]] = []

    def on_seed(self, event: Happening) -> None:
        if len(self._records) < MAX_RECORDS and event.site is not None:
            self._records.append(
                {"generator": event.details["generator"], **place(event.site), "step": self._session.step}
            )

    def on_report(self, _: None) -> None:
        self._session.recorder.facts("seeds", self._records)


class CheckpointCollector:
    """Records `checkpoints`."""

    part = "checkpoints"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._records: list[dict[str, Any]] = []
        self._recent: list[float] = []
        # Models that were filled and are not known to be trained since: record, model, steps by optimizer then.
        self._filled: list[tuple[dict[str, Any], weakref.ref[nn.Module], Counter[str]]] = []
        self._asked: set[tuple[int, str]] = set()

    def on_step_begin(self, event: Step) -> None:
        for record, reference, before in list(self._filled):
            key = (id(record), event.name)
            if key not in self._asked:
                self._asked.add(key)
                if _trains(event.optimizer, reference()):
                    record |= {"trained_by": event.name, "optimizer_steps": before[event.name]}
                    self._filled = [f for f in self._filled if f[0] is not record]

    def on_backward_begin(self, event: Backward) -> None:
        if event.loss is None or event.loss.numel() != 1:
            return
        value = float(event.loss.detach()) / event.scale
        self._recent = [*self._recent[1 - RESTART_LOSSES :], value]
        for record in self._records:
            after = record["after"]
            if record["kind"] != "save" and len(after) < RESTART_LOSSES:
                after.append(value)

    def on_wake(self, _: None) -> None:
        self._recent = list(self._session.always_on.newest)[-RESTART_LOSSES:] or self._recent

    def on_checkpoint(self, event: Happening) -> None:
        if len(self._records) >= MAX_RECORDS:
            return
        details = event.details
        self._records.append(
            {
                "kind": details["kind"], "target": type(event.subject).__name__ if event.subject is not None else None,
                "step": self._session.step, **place(event.site),
                "keys": _state_kinds(event.subject, details["content"]),
                "missing": details.get("missing", [])[:50], "unexpected": details.get("unexpected", [])[:50],
                "missing_count": len(details.get("missing", [])),
                "unexpected_count": len(details.get("unexpected", [])), "tensors": _tensors(event.subject),
                "strict": details.get("strict"),
                "loss_before": statistics.fmean(self._recent) if self._recent else None, "after": [],
                "trained_by": None, "optimizer_steps": None,
            }
        )  # fmt: skip
        if details["kind"] == "load_state_dict" and isinstance(event.subject, nn.Module):
            self._filled.append((self._records[-1], weakref.ref(event.subject), Counter(self._session.steps_of)))
            if self._session.sleeper is not None:  # the losses that follow tell whether it goes on where it was
                self._session.sleeper.rouse(steps=RESTART_LOSSES)

    def on_report(self, _: None) -> None:
        records = [
            {
                **{k: v for k, v in r.items() if k != "after"},
                "loss_after": statistics.fmean(r["after"]) if r["after"] else None,
            }
            for r in self._records
        ]
        self._session.recorder.facts("checkpoints", records)


def _tensors(subject: Any) -> int | None:
    """How many weights and buffers a model has that a file could fill."""
    if not isinstance(subject, nn.Module):
        return None
    return sum(1 for _ in subject.named_parameters()) + sum(1 for _ in subject.named_buffers())


def _trains(optimizer: torch.optim.Optimizer, model: nn.Module | None) -> bool:
    mine = {id(p) for p in model.parameters()} if model is not None else set()
    return any(id(p) in mine for group in optimizer.param_groups for p in group["params"])


def _state_kinds(subject: Any, content: Any) -> list[str]:
    """Which kinds of state a checkpoint holds, by what the values look like."""
    if isinstance(subject, nn.Module):
        return ["model"]
    if isinstance(subject, torch.optim.Optimizer):
        return ["optimizer"]
    if subject is not None:
        return ["scheduler"]
    whole = not isinstance(content, dict) or _state_kind(content) != "other"
    parts = [content] if whole else content.values()
    kinds = {_state_kind(part) for part in parts}
    if isinstance(content, dict) and {"epoch", "step", "iteration"} & {str(k) for k in content}:
        kinds.add("epoch")
    return sorted(kinds)


def _state_kind(part: Any) -> str:
    if isinstance(part, nn.Module) or _is_model_state(part):
        return "model"
    if isinstance(part, dict) and "state" in part and {"param_groups", "hypers"} & part.keys():
        return "optimizer"  # of PyTorch, or of fastai
    if isinstance(part, dict) and ("last_epoch" in part or "_step_count" in part):
        return "scheduler"
    if isinstance(part, dict) and "scale" in part and "growth_factor" in part:
        return "scaler"
    if isinstance(part, torch.Tensor) and part.dtype == torch.uint8:
        return "rng"
    return "other"


def _is_model_state(part: Any) -> bool:
    return isinstance(part, dict) and bool(part) and all(isinstance(v, torch.Tensor) for v in part.values())
