"""What a step does with its model: the calls of modules that no other module makes."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_ops import ModelCall
from netvet.experiments.data import Batch
from netvet.experiments.problem import Learner


class Outermost:
    """Collects the outermost calls of a model's modules while it is entered."""

    def __init__(self, model: nn.Module) -> None:
        self.calls: list[ModelCall] = []
        self._model, self._depth = model, 0
        self._rng = torch.get_rng_state()
        self._handles: list[Any] = []

    def __enter__(self) -> Outermost:
        for module in self._model.modules():
            self._handles.append(module.register_forward_pre_hook(self._begin))
            self._handles.append(module.register_forward_hook(self._end, with_kwargs=True))
        return self

    def _begin(self, _module: nn.Module, _args: Any) -> None:
        if self._depth == 0:
            self._rng = torch.get_rng_state()
        self._depth += 1

    def _end(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.calls.append(ModelCall(module, self._model, module, args, kwargs, output, None, self._rng, None))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()


def outermost_calls(learner: Learner, batch: Batch) -> list[ModelCall]:
    """The outermost calls of one step, in the mode that the model is in."""
    with Outermost(learner.model) as seen:
        learner.step(batch)
    return seen.calls
