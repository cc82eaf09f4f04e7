"""What experiments work on: a model that can be made anew, a step that gives a loss, data and an optimizer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from netvet.capture.torch_copies import separate_copy
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data
from netvet.experiments.layers import set_dropout
from netvet.experiments.task import Kind

MakeOptimizer = Callable[[nn.Module], torch.optim.Optimizer]


class Learner(Protocol):
    """A model with its step; every trial has one of its own."""

    @property
    def model(self) -> nn.Module:
        """The model."""

    def step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss of a batch (a scalar with a graph), and the model's outputs where they are known."""


@dataclass(frozen=True)
class Problem:
    """Everything a trial needs. Nothing in it is the user's own object: all are copies.

    Args:
        learner: makes a learner; the seed decides its initial weights.
        train: data to train on; `val`: data to be scored on, held out of the training.
        optimizer: makes the program's own optimizer for a model.
        kind: what the targets are.
        origin: where this came from, for the report.
        notes: what is not as in the program, in plain words.
        pretrained: the initial weights come from a checkpoint, so that no seed changes them.
        clip: kind (`norm`, `value`) and limit of the program's own clipping.
        rates: learning rates of the first steps as multiples of `lr`, where the program has a schedule.
    """

    learner: Callable[[int], Learner]
    train: Data
    val: Data
    optimizer: MakeOptimizer
    kind: Kind
    origin: str
    notes: tuple[str, ...] = ()
    pretrained: bool = False
    clip: tuple[str, float] | None = None
    rates: tuple[float, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def lr(self) -> float | None:
        """The learning rate of the program (of its first parameter group); of a schedule the highest."""
        rate = self.optimizer(self.learner(0).model).param_groups[0].get("lr")
        return None if rate is None else float(rate)


def redrawn(model: nn.Module, seed: int, *, kept: bool = False) -> nn.Module:
    """Let a model have other initial weights of the same distribution: those of each tensor change places.

    Mean, spread and extremes of each tensor stay what the program's own initialisation made of them, whatever that
    was; constants (zero biases, ones of a norm) stay as they are, and so do frozen weights (they were trained or
    chosen before) and the row of an embedding that stands for padding. Seed 0 and `kept` leave all weights alone.
    """
    if seed == 0 or kept:
        return model
    generator = torch.Generator().manual_seed(seed)
    padding = {
        id(m.weight): m.padding_idx
        for m in model.modules()
        if isinstance(m, nn.Embedding) and m.padding_idx is not None
    }
    with torch.no_grad():
        for parameter in model.parameters():  # each once, tied ones too
            if isinstance(parameter, nn.UninitializedParameter) or parameter.is_sparse:
                continue
            if parameter.dim() < 2 or not parameter.requires_grad:
                continue
            rows = torch.ones(len(parameter), dtype=torch.bool, device=parameter.device)
            if id(parameter) in padding:
                rows[padding[id(parameter)]] = False
            drawn = parameter[rows]
            order = torch.randperm(drawn.numel(), generator=generator).to(parameter.device)
            parameter[rows] = drawn.reshape(-1)[order].view_as(drawn)
    return model


def seed_all(seed: int) -> None:
    """Let the global generators of PyTorch, numpy and Python begin anew."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode; each module is in its own mode again on leaving (a frozen norm layer stays frozen)."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def train_as_before(model: nn.Module) -> None:
    """Training mode; a model that is in it already keeps parts that are not (a frozen trunk)."""
    if not model.training:
        model.train()


def without_regularisation(modules: Iterable[nn.Module]) -> None:
    """Switch dropout off for good, in training mode too."""
    for module in modules:
        set_dropout(module, 0.0)


@dataclass
class ModelAndStep:
    """A learner of a model and a function `step(model, batch)`."""

    model: nn.Module
    function: Callable[[nn.Module, Batch], tuple[torch.Tensor, torch.Tensor | None]]

    def step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss and the outputs."""
        return self.function(self.model, batch)


def copy_of(model: nn.Module) -> nn.Module:
    """A deep copy.

    Raises:
        NetvetError: the model cannot be copied.
    """
    try:
        return separate_copy(model)
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise NetvetError(
            f"the model cannot be copied ({told}); give a function that makes it: Setup(model=make_model, ...)"
        ) from error
