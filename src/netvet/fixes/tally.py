"""Scores that do not depend on the scale of a loss, of outputs or of targets, added up over batches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from netvet.capture.torch_tensors import CLASS_LOSSES, REGRESSION_LOSSES, is_plain

# Metrics in the order of preference; of these a higher value is better, but for the loss.
METRICS = ("accuracy", "r2", "loss")
_BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
# Targets of wider samples are compared with one mean for all their values.
MAX_COLUMNS = 4_096
# Labels smoothed by hand are still labels: Szegedy et al. 2016 use 0.1, so that they are off by 0.1 at most.
SMOOTHED = 0.1


class Tally:
    """Sums over the batches of one pass.

    Attributes:
        function: the loss function; `samples`: rows that were counted.
    """

    def __init__(self) -> None:
        self.function = ""
        self.samples = 0
        self._loss, self._weight = 0.0, 0
        self._hits = {"scores": 0, "probabilities": 0}
        self._compared = 0
        self._within = True  # all outputs lie in [0, 1]
        self._squares = 0.0
        self._targets: list[torch.Tensor] | None = None
        self._count = 0

    def add(
        self, function: str, given: torch.Tensor, target: torch.Tensor, loss: float | None, arguments: Mapping[str, Any]
    ) -> None:
        """Count one batch.

        Args:
            function: of torch.nn.functional.
            given: its input, [samples, ...]; `target`: what it is compared with.
            loss: its value, mean over the batch.
        """
        if not is_plain(given) or not is_plain(target) or not given.numel():
            return
        given, target = given.detach(), target.detach()
        size = int(given.shape[0]) if given.dim() else 1
        self.function, self.samples = function, self.samples + size
        if loss is not None:
            self._loss, self._weight = self._loss + loss * size, self._weight + size
        if function in CLASS_LOSSES:
            self._classes(given, target, arguments)
        elif function in _BINARY and given.numel() == target.numel():
            self._binary(function, given, target.reshape(given.shape))
        elif function in REGRESSION_LOSSES and given.numel() == target.numel():
            if function == "poisson_nll_loss" and arguments.get("log_input", True):
                given = given.exp()
            self._numbers(given, target.reshape(given.shape))

    def _classes(self, given: torch.Tensor, target: torch.Tensor, arguments: Mapping[str, Any]) -> None:
        axis = 1 if given.dim() > 1 else 0
        if given.shape[axis] < 2:
            return
        if target.is_floating_point():  # a distribution over the classes
            if target.shape != given.shape:
                return
            target = target.argmax(axis)
        predicted = given.argmax(axis)
        if predicted.shape != target.shape:
            return
        wanted = target != arguments.get("ignore_index", -100)
        self._count_hits((predicted == target) & wanted, int(wanted.sum()))

    def _count_hits(self, scores: torch.Tensor, count: int, probabilities: torch.Tensor | None = None) -> None:
        self._hits["scores"] += int(scores.sum())
        self._hits["probabilities"] += int((scores if probabilities is None else probabilities).sum())
        self._compared += count

    def _binary(self, function: str, given: torch.Tensor, target: torch.Tensor) -> None:
        target = target.to(given.dtype)
        logits = function.endswith("logits")
        labels = bool(((target <= SMOOTHED) | (target >= 1 - SMOOTHED)).all())
        if not labels:
            self._numbers(given.sigmoid() if logits else given, target)
            return
        wanted, above = target > 0.5, given > 0.5
        self._within = self._within and bool(((given >= 0) & (given <= 1)).all())
        self._count_hits((given > 0 if logits else above) == wanted, target.numel(), above == wanted)

    def _numbers(self, given: torch.Tensor, target: torch.Tensor) -> None:
        rows = given.shape[0] if given.dim() else 1
        wanted, found = target.double().reshape(rows, -1), given.double().reshape(rows, -1)
        self._of_one_hot(found, wanted)
        self._squares += float((wanted - found).square().sum())
        if wanted.shape[1] > MAX_COLUMNS or (self._targets is not None and self._targets[0].numel() != wanted.shape[1]):
            wanted = wanted.reshape(-1, 1)
        parts = [wanted.sum(0).cpu(), wanted.square().sum(0).cpu()]
        if self._targets is None:
            self._targets = parts
        elif self._targets[0].numel() == parts[0].numel():
            self._targets = [a + b for a, b in zip(self._targets, parts, strict=True)]
        else:  # samples of different sizes: one mean for all values
            before = [a.sum(0, keepdim=True) for a in self._targets]
            self._targets = [a + b.sum(0, keepdim=True) for a, b in zip(before, parts, strict=True)]
        self._count += wanted.numel()

    def _of_one_hot(self, given: torch.Tensor, target: torch.Tensor) -> None:
        """Classes that are fitted as numbers: one-hot rows, or one output that is 0 or 1."""
        if not bool(((target == 0) | (target == 1)).all()):
            return
        if target.shape[1] == 1:
            self._count_hits((given > 0.5) == (target > 0.5), len(target))
        elif bool((target.sum(1) == 1).all()):
            self._count_hits(given.argmax(1) == target.argmax(1), len(target))

    def scores(self) -> dict[str, float]:
        """What could be counted: `accuracy`, `r2`, `loss`; the last may be NaN or infinite."""
        found: dict[str, float] = {}
        if self._compared:
            logits = self.function != "binary_cross_entropy_with_logits" or not self._within
            # Outputs that are probabilities already are no logits, whatever loss they are handed to.
            found["accuracy"] = self._hits["scores" if logits else "probabilities"] / self._compared
        if self._targets is not None:
            total, squares = self._targets
            per_column = self._count / total.numel()
            around = float((squares - total.square() / per_column).sum())
            if around > 1e-12 * float(squares.sum()) and math.isfinite(around):
                found["r2"] = 1.0 - self._squares / around
        if self._weight:
            found["loss"] = self._loss / self._weight
        return found
