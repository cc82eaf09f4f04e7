"""An optimizer and a clipping once more, for a copy of the model that they were made for."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

# What a scheduler has left in a parameter group is none of the optimizer's options.
_NO_OPTIONS = ("params", "param_names", "initial_lr", "swa_lr")


@dataclass(frozen=True)
class OptimizerForm:
    """What an optimizer is made of, free of the user's own tensors.

    Args:
        groups: options of each parameter group; `chosen`: numbers of the model's parameters in each.
    """

    cls: type[Any]
    groups: tuple[dict[str, Any], ...]
    chosen: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, optimizer: torch.optim.Optimizer, parameters: Sequence[torch.Tensor]) -> OptimizerForm:
        """The form of an optimizer of a model with these parameters.

        Raises:
            ValueError: it holds parameters of other models.
        """
        numbers = {id(p): i for i, p in enumerate(parameters)}
        groups = optimizer.param_groups
        if not all(id(p) in numbers for group in groups for p in group["params"]):
            raise ValueError("the optimizer holds parameters of other models")
        options = tuple(copy.deepcopy({k: v for k, v in g.items() if k not in _NO_OPTIONS}) for g in groups)
        return cls(type(optimizer), options, tuple(tuple(numbers[id(p)] for p in g["params"]) for g in groups))

    def made_for(self, parameters: Sequence[torch.Tensor]) -> torch.optim.Optimizer:
        """An optimizer of this form for the parameters of a copy.

        Raises:
            TypeError: its class wants more than what its parameter groups hold.
        """
        groups = [
            {**copy.deepcopy(options), "params": [parameters[i] for i in numbers]}
            for options, numbers in zip(self.groups, self.chosen, strict=True)
        ]
        made: torch.optim.Optimizer = self.cls(groups, **_required(self.cls, groups[0]))
        return made


def _required(cls: type[Any], options: dict[str, Any]) -> dict[str, Any]:
    """Arguments without which a class cannot be called; the groups bring their own values all the same."""
    asked = [p for p in list(inspect.signature(cls).parameters.values())[1:] if p.kind is not p.VAR_KEYWORD]
    needed = [p.name for p in asked if p.default is p.empty or p.name == "lr"]
    return {name: options[name] for name in needed if name in options}


def clip_gradients(parameters: Sequence[torch.Tensor], kind: str, limit: float) -> None:
    """Clip as the program does: `kind` is `norm` or `value`."""
    clip = torch.nn.utils.clip_grad_norm_ if kind == "norm" else torch.nn.utils.clip_grad_value_
    clip(parameters, limit)
