"""Scores that do not depend on the scale of a loss, of outputs or of targets, added up over batches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from netvet.capture.torch_tensors import CLASS_LOSSES, REGRESSION_LOSSES, is_plain

_BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
# The input of a log_prob is the mean of the distribution.
NUMBERS = (*REGRESSION_LOSSES, "log_prob")
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
        # By class: rows, and those that are right where outputs are taken for scores or for probabilities.
        self._classes_seen: dict[str, torch.Tensor] = {}
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
        elif function in NUMBERS and given.numel() == target.numel():
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
        wanted = (target != arguments.get("ignore_index", -100)) & (target >= 0)  # no class is negative
        self._count_hits(target[wanted], (predicted == target)[wanted])

    def _count_hits(
        self, labels: torch.Tensor, scores: torch.Tensor, probabilities: torch.Tensor | None = None
    ) -> None:
        """Args: labels: whole numbers from zero on; `scores`, `probabilities`: whether they were met."""
        labels = labels.reshape(-1).long()
        found = {"rows": labels, "scores": labels[scores.reshape(-1)]}
        found["probabilities"] = found["scores"] if probabilities is None else labels[probabilities.reshape(-1)]
        for name, one in found.items():
            counts = torch.bincount(one).cpu()
            before = self._classes_seen.get(name, counts.new_zeros(0))
            size = max(len(before), len(counts))
            self._classes_seen[name] = _padded(before, size) + _padded(counts, size)

    def _binary(self, function: str, given: torch.Tensor, target: torch.Tensor) -> None:
        target = target.to(given.dtype)
        logits = function.endswith("logits")
        labels = bool(((target <= SMOOTHED) | (target >= 1 - SMOOTHED)).all())
        if not labels:
            self._numbers(given.sigmoid() if logits else given, target)
            return
        wanted, above = target > 0.5, given > 0.5
        self._within = self._within and bool(((given >= 0) & (given <= 1)).all())
        self._count_hits(wanted, (given > 0 if logits else above) == wanted, above == wanted)

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
            self._count_hits(target > 0.5, (given > 0.5) == (target > 0.5))
        elif bool((target.sum(1) == 1).all()):
            self._count_hits(target.argmax(1), given.argmax(1) == target.argmax(1))

    def scores(self) -> dict[str, float]:
        """What could be counted, by the names of `measured.METRICS`; the loss may be NaN or infinite.

        Balanced accuracy is the mean over the classes of the share of their samples that are met.
        """
        found: dict[str, float] = {}
        if self._classes_seen and int(self._classes_seen["rows"].sum()):
            logits = self.function != "binary_cross_entropy_with_logits" or not self._within
            # Outputs that are probabilities already are no logits, whatever loss they are handed to.
            rows = self._classes_seen["rows"]
            hits = _padded(self._classes_seen["scores" if logits else "probabilities"], len(rows))
            found["accuracy"] = int(hits.sum()) / int(rows.sum())
            if int((rows > 0).sum()) > 1:
                found["balanced accuracy"] = float((hits[rows > 0].double() / rows[rows > 0]).mean())
        if self._targets is not None:
            total, squares = self._targets
            per_column = self._count / total.numel()
            around = float((squares - total.square() / per_column).sum())
            if around > 1e-12 * float(squares.sum()) and math.isfinite(around):
                found["r2"] = 1.0 - self._squares / around
        if self._weight:
            found["loss"] = self._loss / self._weight
        return found


def _padded(counts: torch.Tensor, size: int) -> torch.Tensor:
    return torch.nn.functional.pad(counts, (0, size - len(counts)))
