"""The optimizer of a Keras program as one of PyTorch, whose parameter groups trials may change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from netvet.core import NetvetError
from netvet.experiments.keras_net import KerasNet

# Settings that trials change, by their names in PyTorch and in Keras.
_PLAIN = ("momentum", "nesterov")
# What clips all gradients by one limit, and what that is in PyTorch. `clipnorm` has one for each variable.
_CLIPS = (("global_clipnorm", "norm"), ("clipvalue", "value"))


class KerasOptimizer(torch.optim.Optimizer):
    """Steps as the optimizer of Keras does: an own one for each parameter group, with the group's settings.

    Args:
        params: parameters, or groups of them.
        recipe: what the program's own is made of; `variables`: those of Keras by the id of the parameter.
    """

    def __init__(self, params: Iterable[nn.Parameter], recipe: Recipe, variables: Mapping[int, Any]) -> None:
        self._recipe, self._variables = recipe, dict(variables)
        self._inner: list[Any] = []
        super().__init__(params, _defaults(recipe.config))

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step of each group."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        while len(self._inner) < len(self.param_groups):
            self._inner.append(self._made(self.param_groups[len(self._inner)]))
        for group, (inner, variables) in zip(self.param_groups, self._inner, strict=True):
            pairs = [(v.value.grad, v) for v in variables if v.value.grad is not None]
            if pairs:
                inner.learning_rate = group["lr"]
                inner.apply([g for g, _ in pairs], [v for _, v in pairs])
        return loss

    def _made(self, group: Mapping[str, Any]) -> tuple[Any, list[Any]]:
        variables = [self._variable(p) for p in group["params"]]
        inner = self._recipe.made(group)
        inner.build(variables)
        return inner, variables

    def _variable(self, parameter: nn.Parameter) -> Any:
        """The variable of Keras that holds a parameter; made for one that is none of the model's."""
        import keras

        if id(parameter) not in self._variables:
            self._variables[id(parameter)] = keras.Variable(parameter, name=f"added_{len(self._variables)}")
        return self._variables[id(parameter)]


def _defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"lr": float(config["learning_rate"])}
    if "weight_decay" in config:  # in Keras it is never a part of the gradient
        found |= {"weight_decay": float(config["weight_decay"] or 0.0), "decoupled_weight_decay": True}
    found |= {name: config[name] for name in _PLAIN if name in config}
    if "beta_1" in config and "beta_2" in config:
        found["betas"] = (float(config["beta_1"]), float(config["beta_2"]))
    return found


def _changed(config: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a group, as Keras calls them."""
    found: dict[str, Any] = {"learning_rate": float(group["lr"])}
    if "weight_decay" in config:  # AdamW takes no None, and what has no decay takes nothing else
        none = config["weight_decay"] is None and not group["weight_decay"]
        found["weight_decay"] = None if none else float(group["weight_decay"])
    found |= {name: group[name] for name in _PLAIN if name in config}
    if "betas" in group:
        found |= {"beta_1": group["betas"][0], "beta_2": group["betas"][1]}
    return found


@dataclass(frozen=True)
class Recipe:
    """What the optimizer of a Keras program is made of.

    Args:
        name: of its class; `cls`: the class itself, where it is none of Keras.
        config: its configuration, with the highest learning rate of the program.
        rates: of the first steps as multiples of it, where they differ.
        clip: kind and limit of the clipping of all gradients together.
    """

    name: str
    config: Mapping[str, Any]
    rates: tuple[float, ...]
    clip: tuple[str, float] | None
    cls: type[Any] | None = None

    def on_torch(self, custom: Mapping[str, Any]) -> Recipe:
        """The same for Keras on the backend torch."""
        return replace(self, cls=custom.get(self.name, self.cls)) if self.cls is not None else self

    def made(self, group: Mapping[str, Any]) -> Any:
        """An optimizer of Keras with the settings of a parameter group."""
        import keras

        cls = self.cls or getattr(keras.optimizers, self.name)
        return cls.from_config({**self.config, **_changed(self.config, group)})


def recipe_of(optimizer: Any, rates: Sequence[float], accumulated: int) -> tuple[Recipe, list[str]]:
    """What an optimizer of a program is made of, and notes on what trials do otherwise.

    Args:
        rates: learning rate of each of the first steps; `accumulated`: batches that make one step.

    Raises:
        NetvetError: its configuration cannot be written down.
    """
    inner, notes = getattr(optimizer, "inner_optimizer", optimizer), list[str]()
    try:
        config = dict(inner.get_config())
    except Exception as error:  # a class of the user's; or a step was broken off, and the rate went with it
        raise NetvetError(
            f"the settings of {type(inner).__name__} cannot be read ({type(error).__name__}: {error}); "
            "let `fit` come to its end, and give an optimizer of your own a get_config"
        ) from error
    top = max(rates)
    clip = next((pair for n, kind in _CLIPS if (pair := _limit(config, n, kind)) is not None), None)
    config |= {"learning_rate": top, "gradient_accumulation_steps": None, "use_ema": False}
    config |= {name: None for name, _ in _CLIPS}
    if accumulated > 1:
        notes.append(f"fit adds up {accumulated} batches in each step; trials step after every batch")
    if inner.use_ema:
        notes.append("fit averages the weights (use_ema); trials do not")
    if inner is not optimizer:
        notes.append("fit scales the loss (LossScaleOptimizer); trials do not")
    steady = min(rates) == top or not top
    if not steady:
        notes.append("the learning rate of fit changes; trials follow it too unless they set their own")
    own = None if type(inner).__module__.startswith("keras.") else type(inner)
    return Recipe(type(inner).__name__, config, () if steady else tuple(r / top for r in rates), clip, own), notes


def _limit(config: Mapping[str, Any], name: str, kind: str) -> tuple[str, float] | None:
    value = config.get(name)
    return None if value is None else (kind, float(value))


def optimizer_for(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The program's optimizer for a copy of its model, or for whatever stands in for it; called as in Keras."""
    net = next((m.net for m in model.modules() if isinstance(m, KerasNet)), None)
    variables = {id(v.value): v for v in net.trainable_variables} if net is not None else {}
    named = type(recipe.name, (KerasOptimizer,), {})
    made: torch.optim.Optimizer = named([p for p in model.parameters() if p.requires_grad], recipe, variables)
    return made
