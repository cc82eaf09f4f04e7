"""Gradient norms before clipping, for each optimizer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from netvet.capture.torch_events import Clip, Session
from netvet.capture.torch_norms import global_norm
from netvet.capture.torch_shards import is_shared


@dataclass(frozen=True, slots=True)
class _Clipped:
    """One call of a clipping function.

    Args:
        norm: before, without loss scale; `scale`: what was in the gradients then.
        members: ids of the parameters whose gradients were clipped.
    """

    kind: str
    limit: float
    norm: float
    scale: float
    members: frozenset[int]


class Clips:
    """What was clipped since the last step of the optimizer that holds it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._by_parameter: dict[int, _Clipped] = {}
        # Ids of parameters whose gradients a GradScaler has unscaled already.
        self._unscaled: set[int] = set()

    def unscaled(self, optimizer: torch.optim.Optimizer) -> None:
        """A GradScaler has divided the gradients of an optimizer by its scale."""
        self._unscaled |= {id(p) for group in optimizer.param_groups for p in group["params"]}

    def updated(self) -> None:
        """The scaler has ended a step: gradients that come have its scale again."""
        self._unscaled.clear()

    def add(self, event: Clip, *, fresh: bool) -> None:
        """Gradients were clipped; where they were before, since the last backward, the first time counts.

        Args:
            fresh: a backward has come since the last clipping.
        """
        members = frozenset(id(p) for p in event.parameters if p.grad is not None)
        if not members or event.norm is None:
            return
        scale = 1.0 if members & self._unscaled else float(self._session.options.get("loss_scale", 1.0))
        clipped = _Clipped(event.kind, event.limit, float(event.norm) / scale, scale, members)
        for member in members:
            if fresh or member not in self._by_parameter:
                self._by_parameter[member] = clipped

    def take(self, held: list[torch.Tensor], scale: float) -> float | None:
        """L2 norm of these gradients before they were clipped, all together; None where none was, or it is not known.

        Args:
            held: parameters with gradients, of one optimizer that steps now.
            scale: a factor that is in the gradients now.
        """
        groups: dict[_Clipped | None, list[torch.Tensor]] = {}
        for p in held:
            groups.setdefault(self._by_parameter.pop(id(p), None), []).append(p)
        self._unscaled -= {id(p) for p in held}
        if not set(groups) - {None}:
            return None
        total = 0.0
        for clipped, parameters in groups.items():
            norm = _norm_before(clipped, parameters, scale)
            if norm is None:
                return None
            total += norm * norm
        return math.sqrt(total)


def _norm_before(clipped: _Clipped | None, parameters: list[torch.Tensor], scale: float) -> float | None:
    if clipped is not None and len(clipped.members) == len(parameters):
        return clipped.norm
    if clipped is not None and clipped.kind == "value":
        return None  # clipped together with what another optimizer holds
    gradients = [p.grad for p in parameters if p.grad is not None]
    if any(is_shared(g) for g in gradients):
        return None
    now = global_norm(gradients) / scale
    if clipped is None:
        return now
    # All gradients of one call were made smaller by the same factor.
    return now / min(1.0, clipped.limit / (clipped.norm * clipped.scale + 1e-6))
