"""Whether a program without held-out samples can be judged by its training: not where it plays a game.

Policies train on what they themselves have met, value nets on targets that a net has made, adversarial nets on losses
of which one rises when the other falls. None of these numbers says how good the model is.
"""

from __future__ import annotations

from typing import Any

import torch

from netvet.capture.torch_events import LossCall
from netvet.capture.torch_tensors import is_plain

# Samples whose first sight is remembered.
MAX_SAMPLES = 20_000
ADVICE = (
    "nothing was scored on held-out samples; an evaluation without gradients that calls a loss function or compares"
    " labels gives a score, and so does a number that the program prints (--score TEXT, --error TEXT)"
)


class Aims:
    """What the losses of a training compare with, and where its samples come from."""

    def __init__(self) -> None:
        self._met: set[int] = set()
        self._trained: set[int] = set()
        self._met_first = 0
        self._own = self._data = self._negated = False
        self._backwards = 0
        # Optimizer -> backward passes when it last stepped.
        self._stepped: dict[str, int] = {}
        self._shared = False

    def met(self, prints: Any) -> None:
        """Samples on which the model was called without gradients. prints: int64 [samples], None: not known."""
        if prints is not None and len(self._met) < MAX_SAMPLES:
            self._met.update(p for p in prints.tolist() if p not in self._trained)

    def trained(self, prints: Any) -> None:
        """Samples that are trained on."""
        if prints is not None and len(self._trained) < MAX_SAMPLES:
            new = set(prints.tolist()) - self._trained
            self._trained |= new
            self._met_first += len(new & self._met)

    def loss(self, event: LossCall) -> None:
        """A loss of the training."""
        if event.own_target:
            self._own = True
        elif is_plain(event.target) and event.target.numel():
            self._data = self._data or not _constant(event.target)
        self._negated = self._negated or event.sign < 0

    def backward(self) -> None:
        """A backward pass begins."""
        self._backwards += 1

    def stepped(self, optimizer: str) -> None:
        """An optimizer has stepped."""
        others = [seen for name, seen in self._stepped.items() if name != optimizer]
        self._shared = self._shared or self._backwards in others
        self._stepped[optimizer] = self._backwards

    def against(self, *, loss_alone: bool) -> str:
        """Why the training says nothing about the model; empty where it does.

        Args:
            loss_alone: there is no other number than the training loss.
        """
        why = ""
        if self._trained and self._met_first > 0.5 * len(self._trained):
            why = "the model trains on what it has met by itself"
        elif self._own and not self._data:
            why = "its targets were made by a model"
        elif len(self._stepped) > 1 and not self._shared and not self._data:
            why = f"{len(self._stepped)} optimizers follow losses of their own, which compare with no data"
        elif loss_alone and self._negated:
            why = "its loss is the negative of one, which has no lower bound"
        return f"{why}, and {ADVICE}" if why else ""


def _constant(target: torch.Tensor) -> bool:
    """A single number for all, as for the real or the generated samples."""
    return target.is_floating_point() and target.numel() > 1 and bool((target == target.reshape(-1)[0]).all())
