"""A `train_step` of the user's own, taken as far as its loss: what comes after it is the business of the trial."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from netvet.core import NetvetError
from netvet.experiments.keras_torch import told_by


class _Backward(Exception):  # no error: it leaves a train_step at its loss
    def __init__(self, loss: torch.Tensor) -> None:
        super().__init__("the loss is known")
        self.loss = loss


def has_own_step(model: Any) -> bool:
    """Whether the class of a model takes its steps in a way of its own."""
    own = [c for c in type(model).__mro__ if not c.__module__.startswith("keras.")]
    return any("train_step" in c.__dict__ for c in own)


def loss_of_own_step(net: Any, data: tuple[Any, ...]) -> torch.Tensor:
    """The tensor of which a train_step wants the gradients.

    Raises:
        NetvetError: it calls no backward.
    """
    with _caught(leave=True):
        try:
            net.train_step(data)
        except _Backward as reached:
            return reached.loss
    raise NetvetError(f"train_step of {type(net).__name__} calls no backward: its loss is not known")


def require_own_step(learner: Any, batch: Any) -> None:
    """A train_step with one loss can be repeated, one with several cannot.

    Raises:
        NetvetError: it has several, or cannot be taken on a copy.
    """
    net = learner.model.net
    try:
        with _caught(leave=False) as losses:
            net.train_step(learner.whole(batch))
    except Exception as error:  # whatever the user's step does
        told = f"train_step of {type(net).__name__} cannot be taken on a copy ({told_by(error)})"
        raise NetvetError(told) from error
    if len(losses) != 1:
        raise NetvetError(
            f"train_step of {type(net).__name__} goes backward {len(losses)} times: several losses make one step "
            "(as in a GAN), and trials repeat steps of one"
        )


@contextmanager
def _caught(*, leave: bool) -> Iterator[list[torch.Tensor]]:
    """Hear of calls of backward; leave at the first of them."""
    original = torch.Tensor.backward
    losses: list[torch.Tensor] = []

    def backward(loss: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if leave:
            raise _Backward(loss)
        losses.append(loss)
        return original(loss, *args, **kwargs)  # type: ignore[no-untyped-call]

    torch.Tensor.backward = backward  # type: ignore[assignment, method-assign]
    try:
        yield losses
    finally:
        torch.Tensor.backward = original  # type: ignore[method-assign]
