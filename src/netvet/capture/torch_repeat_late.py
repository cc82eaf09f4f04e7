"""Repeat a step of which only the end was seen: its variables and the weights before it, not the calls themselves."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from netvet.capture.site import user_frame
from netvet.capture.torch_box_file import set_random_states
from netvet.capture.torch_repeat import Repeat
from netvet.capture.torch_taps_model import phase_of
from netvet.capture.torch_variables import Pairs, evaluated_again, exchange, restore_variables


class LateRepeat(Repeat):
    """Puts the variables back before the first training call, and evaluates its arguments again from them."""

    _pairs: Pairs

    def on_step_begin(self, _event: Any) -> None:
        if self.active:
            self._end()

    def _given(self, module: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
        model = self._session.models.outermost(module)
        name = self._session.models.name(model) if next(model.parameters(), None) is not None else ""
        stored = any(n.startswith(f"weight.{name}:") for n in self._box.tensors)
        if not stored or phase_of(module) not in ("train", "eval-mode-grad"):
            return args, kwargs
        first, self.active = not self.active, True
        self._load_weights(name, model)
        if first:
            args, kwargs = self._from_variables(args, kwargs)
        new = {id(old): value for old, value in self._pairs}
        args, kwargs = tree_map_only(torch.Tensor, lambda t: new.get(id(t), t), (args, kwargs))
        self._name_given(name, args, kwargs)
        self._describe_batch(args, kwargs)
        if first:
            self._session.add(self._recorder)
            self.trace.enter()
            set_random_states(self._box.tensors)
        return args, kwargs

    def _from_variables(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        self._pairs = restore_variables(self._about["variables"], self._box.load)
        exchange(self._pairs)
        self.notes.append("the step was stored at its end: its random numbers (dropout) are others")
        frame = user_frame()
        try:
            again = evaluated_again(frame) if frame is not None else None
        except Exception:  # whatever the user's own expressions raise
            again = None
        if again is None:
            self.notes.append("the inputs of the model could not be made again from the stored variables")
        return again or (args, kwargs)

    def _describe_batch(self, args: Any, kwargs: Any) -> None:
        first = next((t for t in (*args, *kwargs.values()) if isinstance(t, torch.Tensor) and t.dim()), None)
        if first is not None and not self._calls:
            self._calls.append({"axis": 0, "size": int(first.shape[0])})

    def _with_targets(self, function: str, bound: dict[str, Any]) -> dict[str, Any]:
        new = {id(old): value for old, value in self._pairs}
        for name, own in bound.items():
            if isinstance(own, torch.Tensor) and not own.requires_grad:
                bound[name] = new.get(id(own), own)
                self.trace.give(bound[name], f"{name} of {function}")
        return bound

    def _complete(self) -> bool:
        gradients = [p.grad for _, p, _ in self._session.models.parameters() if p.grad is not None]
        fine = all(bool(torch.isfinite(g).all()) for g in gradients if not g.is_sparse)
        return not fine or not math.isfinite(self.losses[-1])
