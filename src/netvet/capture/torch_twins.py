"""Replicas within one process: models of one shape that step on the same gradients. Records `twins`."""

from __future__ import annotations

from typing import Any

import torch

from netvet.capture.torch_events import Session, Step
from netvet.capture.torch_order import place

# The first steps show whether replicas are synchronised; all optimizers together.
TWIN_STEPS = 60
ALONE = 20
# Parameters of each optimizer that are compared: the first ones.
COMPARED = 4


class TwinCollector:
    """Records `twins`. Gradients that are equal to the last bit come from one average, never from chance."""

    part = "replicas in one process"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last: dict[str, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}
        self._pairs: dict[tuple[str, str], dict[str, Any]] = {}

    def on_step_begin(self, event: Step) -> None:
        # One optimizer alone has no twin.
        alone = self._session.step >= ALONE and len(self._last) < 2
        if self._session.step >= TWIN_STEPS or alone:
            return
        held = [p for g in event.optimizer.param_groups for p in g["params"] if p.grad is not None and p.dim() > 1]
        held = [p for p in held[:COMPARED] if p.grad is not None and not p.grad.is_sparse]
        grads = [p.grad.detach().clone() for p in held if p.grad is not None]
        values = [p.detach().clone() for p in held]
        for name, (other_grads, other_values) in self._last.items():
            if name != event.name and grads and _equal(grads, other_grads) and any(bool(g.any()) for g in grads):
                pair = self._pairs.setdefault(
                    (name, event.name),
                    {"first": name, "second": event.name, "steps": 0, "differing": 0, "first_step": self._session.step}
                    | place(event.site),
                )
                pair["steps"] += 1
                pair["differing"] += not _equal(values, other_values)
        self._last[event.name] = (grads, values)

    def on_report(self, _: None) -> None:
        self._last.clear()
        if self._pairs:
            self._session.recorder.facts("twins", list(self._pairs.values()))
        else:
            self._session.recorder.missing("twins", "no two optimizers stepped on the same gradients")


def _equal(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return len(some) == len(others) and all(
        a.shape == b.shape and a.device == b.device and a.dtype == b.dtype and torch.equal(a, b)
        for a, b in zip(some, others, strict=True)
    )
