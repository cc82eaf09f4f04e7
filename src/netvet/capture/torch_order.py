"""The order of things in the loop: events, cleared gradients, backward calls, clipping."""

from __future__ import annotations

import statistics
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from netvet.capture.site import Site, loop_site
from netvet.capture.torch_events import Backward, Call, Clip, Happening, LossCall, Session, Step
from netvet.capture.torch_models import Models
from netvet.capture.torch_norms import global_norm
from netvet.capture.torch_origins import uncalled_site
from netvet.capture.torch_shards import is_shared

# The order of events shows itself in the first steps; later ones repeat it.
ORDER_STEPS = 50
# A second phase may go about it in another way: clearing is asked for at one step in so many, deep or not.
LOOK_EVERY = 10
MAX_EVENTS = 2_000
# Gradients of so many parameters at each end of the optimizer's list stand for all.
SAMPLED_PARAMETERS = 4
MAX_GRAPH_NODES = 50_000
MAX_NORMS = 20_000


def place(site: Site | None, prefix: str = "") -> dict[str, Any]:
    """The fields `file` and `line` of a record, or `created_file` and `created_line`."""
    return {f"{prefix}file": site.file if site else None, f"{prefix}line": site.line if site else None}


class OrderCollector:
    """Records `events`."""

    part = "order of events"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._events: list[dict[str, Any]] = []
        self._in_step = False

    def _note(self, kind: str, target: str, site: Site | None, detail: Any = None) -> None:
        if self._session.step < ORDER_STEPS and len(self._events) < MAX_EVENTS and not self._in_step:
            self._events.append(
                {"step": self._session.step, "kind": kind, "target": target, **place(site), "detail": detail}
            )

    def on_call_begin(self, event: Call) -> None:
        self._note("forward", self._session.models.name(event.model), event.site, event.phase)

    def on_loss(self, event: LossCall) -> None:
        self._note("loss", event.function, event.site, "train" if event.grad else "eval")

    def on_backward_begin(self, event: Backward) -> None:
        self._note("backward", "", event.site)

    def on_zero_grad(self, event: Happening) -> None:
        self._note("zero_grad", type(event.subject).__name__, event.site)

    def on_clip(self, event: Clip) -> None:
        self._note("clip", "", event.site, event.kind)

    def on_step_begin(self, _event: Step) -> None:
        # What a closure does inside a step is the optimizer's own order.
        self._in_step = True

    def on_step_end(self, event: Step) -> None:
        self._in_step = False
        if self._session.step <= ORDER_STEPS and len(self._events) < MAX_EVENTS:
            step = self._session.step - 1
            self._events.append(
                {"step": step, "kind": "step", "target": event.name, **place(event.site), "detail": None}
            )

    def on_scheduler_step(self, event: Happening) -> None:
        self._note("scheduler_step", type(event.subject).__name__, event.site)

    def on_scaler(self, event: Happening) -> None:
        kinds = {"unscale": "unscale", "step": "scaler_step", "update": "scaler_update"}
        if event.details["kind"] in kinds:
            self._note(kinds[event.details["kind"]], "GradScaler", event.site)

    def on_report(self, _: None) -> None:
        self._session.recorder.facts("events", self._events)


@dataclass
class _Clearing:
    """What is known of one optimizer's gradients since its last step."""

    optimizer: weakref.ref[torch.optim.Optimizer]
    site: Site | None
    uncalled: Site | None
    sample: list[torch.Tensor] = field(default_factory=list)
    cleared: bool = True
    backwards: int = 0
    intervals: int = 0
    not_reset: int = 0
    first_step: int | None = None
    since: int = 0
    zero_at_step: int = 0
    none_at_step: int = 0
    in_step: bool = False


class ClearingCollector:
    """Records `gradient_resets`: whether gradients were cleared between the successive steps of an optimizer.

    Only what is there at a backward call counts: it does not matter who cleared the gradients, or how.
    """

    part = "cleared gradients"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, _Clearing] = {}

    @property
    def _looking(self) -> bool:
        step = self._session.step
        return step < ORDER_STEPS or self._session.deep or step % LOOK_EVERY == 0

    def on_backward_begin(self, _event: Backward) -> None:
        for one in self._known.values():
            if one.in_step:
                continue  # a closure: the optimizer itself calls backward as often as it likes
            one.backwards += 1
            if not one.cleared:
                one.cleared = not any(_nonzero(p.grad) for p in one.sample)

    def on_step_begin(self, event: Step) -> None:
        if event.name not in self._known:
            named = uncalled_site("zero_grad")
            self._known[event.name] = _Clearing(weakref.ref(event.optimizer), event.site, named)
        one = self._known[event.name]
        one.in_step = True
        if one.sample and one.backwards:  # the last step was looked at
            one.intervals += 1
            if not one.cleared:
                one.not_reset += 1
                if one.first_step is None:
                    one.first_step, one.site = self._session.step, event.site
            one.since += one.first_step is not None
        if not self._looking:
            return
        grads = [p.grad for group in event.optimizer.param_groups for p in group["params"]]
        one.none_at_step += all(g is None for g in grads)
        one.zero_at_step += one.backwards > 0 and not any(_nonzero(g) for g in grads)

    def on_step_end(self, event: Step) -> None:
        one = self._known[event.name]
        held = [p for group in event.optimizer.param_groups for p in group["params"] if p.grad is not None]
        sample = held if len(held) <= 2 * SAMPLED_PARAMETERS else held[:SAMPLED_PARAMETERS] + held[-SAMPLED_PARAMETERS:]
        # A gradient that is zero anyway cannot show whether it was cleared.
        one.sample = [p for p in sample if _nonzero(p.grad)] if self._looking else []
        one.cleared, one.backwards, one.in_step = not one.sample, 0, False

    def on_sleep(self, _: None) -> None:
        # Who wakes between two backward calls of one step would take the first one's gradients for old ones.
        for one in self._known.values():
            one.sample, one.cleared = [], True

    def on_report(self, _: None) -> None:
        self._session.recorder.facts(
            "gradient_resets",
            [
                {
                    "optimizer": name, "intervals": one.intervals, "not_reset": one.not_reset,
                    "intervals_since": one.since, "first_step": one.first_step, "zero_at_step": one.zero_at_step,
                    "none_at_step": one.none_at_step, **place(one.site), **place(one.uncalled, "uncalled_"),
                }
                for name, one in self._known.items()
            ],
        )  # fmt: skip


def _nonzero(gradient: torch.Tensor | None) -> bool:
    if gradient is None:
        return False
    dense = gradient._values() if gradient.is_sparse else gradient
    return bool(dense.detach().any())


class BackwardCollector:
    """Records `backwards`: what each backward call site was given and what it reached."""

    part = "backward calls"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sites: dict[str, dict[str, Any]] = {}
        self._since_step: list[str] = []
        self._per_step: dict[str, list[int]] = {}

    def on_backward_begin(self, event: Backward) -> None:
        record = self._sites.get(str(event.site))
        if record is None:
            record = self._sites[str(event.site)] = self._describe(event)
        record["calls"] += 1
        if len(self._since_step) < 1000:
            self._since_step.append(str(event.site))

    def _describe(self, event: Backward) -> dict[str, Any]:
        loss = event.loss
        reached = reached_parameters(loss)
        names = {id(p): model for _, p, model in self._session.models.parameters()}
        models = {id(m): m for i in reached if (m := names.get(i)) is not None}
        return {
            **place(event.site), **place(self._made(loss), "made_"), **place(loop_site(), "loop_"),
            **place(uncalled_site("step"), "uncalled_"),
            "calls": 0, "first_step": self._session.step, "requires_grad": loss.requires_grad,
            "has_graph": loss.grad_fn is not None, "leaf": loss.is_leaf, "shape": list(loss.shape),
            "first_value": float(loss.detach()) if loss.numel() == 1 else None, "scaled": event.scale != 1.0,
            "reaches": sum(i in names for i in reached), "raised": None,
            "models": [self._session.models.name(m) for m in models.values()], "optimizers": [],
        }  # fmt: skip

    def _made(self, loss: torch.Tensor) -> Site | None:
        """The line that made a loss without history, as far as it was recorded."""
        recorder = self._session.options.get("step_recorder")
        if recorder is None or loss.grad_fn is not None:
            return None
        cut: Site | None = recorder.cuts.before(loss, recorder.events)
        return cut

    def on_backward_end(self, event: Backward) -> None:
        if event.error is not None and str(event.site) in self._sites:
            self._sites[str(event.site)]["raised"] = f"{type(event.error).__name__}: {event.error}"[:500]

    def on_step_begin(self, event: Step) -> None:
        for site in dict.fromkeys(self._since_step):
            optimizers = self._sites[site]["optimizers"]
            if event.name not in optimizers:
                optimizers.append(event.name)
            counts = self._per_step.setdefault(site, [])
            if len(counts) < 1000:
                counts.append(self._since_step.count(site))
        self._since_step.clear()

    def on_report(self, _: None) -> None:
        for site, counts in self._per_step.items():
            self._sites[site]["per_step"] = statistics.median(counts)
        self._session.recorder.facts("backwards", list(self._sites.values()))


def reached_parameters(loss: torch.Tensor) -> set[int]:
    """Ids of the leaf tensors in the autograd graph of a loss."""
    if loss.grad_fn is None:
        return set()
    found: set[int] = set()
    seen, queue = {loss.grad_fn}, [loss.grad_fn]
    while queue and len(seen) < MAX_GRAPH_NODES:
        node = queue.pop()
        variable = getattr(node, "variable", None)
        if isinstance(variable, torch.Tensor):
            found.add(id(variable))
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                queue.append(following)
    return found


def models_behind(models: Models, tensors: Iterable[torch.Tensor]) -> list[str]:
    """Names of the models of which tensors have parameters in their graphs."""
    reached = set[int]().union(*map(reached_parameters, tensors))
    return list(dict.fromkeys(models.name(model) for _, p, model in models.parameters() if id(p) in reached))


class ClipCollector:
    """Records `clips`."""

    part = "clipping"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sites: dict[str, dict[str, Any]] = {}
        self._norms: dict[str, list[tuple[float, float, bool]]] = {}
        self._after: dict[str, list[float]] = {}
        self._pending: dict[str, set[int]] = {}
        self._backward = self._forward = self._unscaled = self._scaled = False

    def on_call_begin(self, event: Call) -> None:
        self._forward = self._forward or event.phase == "train"

    def on_backward_begin(self, event: Backward) -> None:
        self._backward = True
        self._scaled = event.scale != 1.0

    def on_scaler(self, event: Happening) -> None:
        if event.details["kind"] == "unscale":
            self._unscaled = True

    def on_clip(self, event: Clip) -> None:
        with_gradient = [p for p in event.parameters if p.grad is not None]
        record = self._sites.setdefault(
            str(event.site),
            {
                **place(event.site), "kind": event.kind, "max_norm": event.limit, "calls": 0, "clipped": 0,
                "empty_calls": 0, "parameters": len(with_gradient), "positions": {}, "covers": None,
            },
        )  # fmt: skip
        record["calls"] += 1
        record["empty_calls"] += not with_gradient
        position = self._position()
        record["positions"][position] = record["positions"].get(position, 0) + 1
        if any(is_shared(p) for p in event.parameters):
            record["clipped"] = None  # the norm of all shards together is not known here
        elif event.norm is not None and (event.norm.device.type == "cpu" or self._session.deep):
            norm, kept = float(event.norm), event.limit
            if event.kind == "value":
                kept = global_norm([p.grad for p in with_gradient if p.grad is not None])
            # Cutting off a few outliers by value leaves most of the norm.
            cut = norm > (2 * kept if event.kind == "value" else kept)
            record["clipped"] += cut
            norms = self._norms.setdefault(str(event.site), [])
            norms.append((norm, norm / kept if kept > 0 else 1.0, cut))
            if len(norms) > MAX_NORMS:
                del norms[::2]
        self._pending[str(event.site)] = {id(p) for p in event.parameters}

    def _position(self) -> str:
        if not self._backward:
            return "before-backward" if self._forward else "after-step"
        return "before-unscale" if self._scaled and not self._unscaled else "ok"

    def on_step_begin(self, event: Step) -> None:
        if self._pending and self._session.step < ORDER_STEPS:
            held = [p for group in event.optimizer.param_groups for p in group["params"] if p.grad is not None]
            for site, ids in self._pending.items():
                share = sum(id(p) in ids for p in held) / len(held) if held else None
                self._sites[site]["covers"] = max(share or 0.0, self._sites[site]["covers"] or 0.0)
                dense = [p.grad.detach() for p in held if not p.grad.is_sparse and not is_shared(p.grad)]
                norms = [torch.linalg.vector_norm(g.float()) for g in dense]
                if norms and share:
                    self._after.setdefault(site, []).append(float(torch.linalg.vector_norm(torch.stack(norms))))
        self._pending.clear()

    def on_step_end(self, _event: Step) -> None:
        self._backward = self._forward = self._unscaled = False

    def on_report(self, _: None) -> None:
        records = []
        for site, record in self._sites.items():
            norms = self._norms.get(site, [])
            late = norms[len(norms) // 10 :]
            after = self._after.get(site)
            records.append(
                {
                    **{key: value for key, value in record.items() if key != "positions"},
                    "position": max(record["positions"], key=record["positions"].get),
                    "clipped_after_warmup": sum(cut for *_, cut in late) / len(late) if late else None,
                    "norm_median": statistics.median(n for n, *_ in norms) if norms else None,
                    "shortened": statistics.median(times for _, times, _ in norms) if norms else None,
                    "norm_after": statistics.median(after) if after else None,
                }
            )
        self._session.recorder.facts("clips", records)
