"""Differences that tell what augmentation does: training on clean samples in its place, and who is taken for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from netvet.core import NetvetError
from netvet.experiments.data import Data
from netvet.experiments.problem import in_eval_mode
from netvet.experiments.task import predictions
from netvet.experiments.trial import Build, without_graph

# So many samples are asked about; of more classes than this a pair has too few of them.
MAX_ASKED, MAX_CLASSES = 2_000, 200
# Values of a sample by which distances are measured: evenly spread over a large picture.
MAX_VALUES = 2_000
# Classes of which fewer are held out say nothing of distances; pairs that are rarer than this are not asked about.
LEAST_OF_CLASS, OFTEN = 5, 0.1
# Probabilities add up to one but for this.
ROUNDING = 1e-3


def held_out_half(build: Build, clean: bool) -> None:
    """Score on a half of the held-out data; with `clean`, train on the other half in place of the training data."""
    first, second = build.val.split(0.5, seed=build.trial.seed)
    build.val = second
    if clean:
        build.train = first
        build.batch_size = None


def confused(build: Build, _: bool) -> None:
    """At the end, who is taken for whom: counts [true class][predicted class] on held-out and on training samples.

    `confused` has them as `held_out` and `train`, the latter of the program's own training samples; `believed` has
    probabilities in the place of counts; `far` says for `"true predicted"` how far these lie from the nearest held-out
    sample of the predicted class, as a multiple of what is usual within that class.
    """

    def measure(made: Build) -> Mapping[str, Any]:
        held_out, train = _asked(made, made.val), _asked(made, made.problem.train)
        counts = {"held_out": _counts(held_out), "train": _counts(train), "believed": _believed(held_out)}
        return {"confused": {**counts, "far": _far(held_out, train)}}

    build.at_end.append(measure)


@dataclass(frozen=True)
class _Asked:
    """Predicted and true classes [samples], what went in [samples, values], and probabilities [samples, classes]."""

    predicted: torch.Tensor
    wanted: torch.Tensor
    inputs: torch.Tensor
    believed: torch.Tensor


def _asked(build: Build, data: Data) -> _Asked:
    found: list[tuple[torch.Tensor, ...]] = []
    batches = data.batches
    if data.size is not None and data.size > MAX_ASKED:
        rows = torch.randperm(data.size, generator=torch.Generator().manual_seed(0))[:MAX_ASKED]
        batches = data.part(rows).batches
    with in_eval_mode(build.learner.model):
        for batch in batches:
            _, output = without_graph(build.learner, batch)
            target = next((batch[n] for n in data.roles.targets), None)
            if output is None or target is None:
                raise NetvetError("the outputs or the targets are not known")
            pair = predictions(build.problem.kind, output, target)
            if pair is None:
                raise NetvetError("the outputs cannot be compared with the targets")
            given = batch[data.roles.inputs[0]].detach().reshape(len(target), -1)
            given = given[:, :: max(1, -(-given.shape[1] // MAX_VALUES))]
            found.append((*(p.long().cpu() for p in pair), given.cpu().float(), _probabilities(output, len(given))))
            if sum(len(f[0]) for f in found) >= MAX_ASKED:
                break
    predicted, wanted, inputs, believed = (torch.cat(some) for some in zip(*found, strict=True))
    kept = wanted >= 0
    return _Asked(predicted[kept], wanted[kept], inputs[kept], believed[kept])


def _probabilities(output: torch.Tensor, samples: int) -> torch.Tensor:
    """Of each class, from logits, logarithms of probabilities, or probabilities. [samples, classes]."""
    scores = output.detach().float().cpu().reshape(samples, -1)
    inside = bool(((scores >= 0) & (scores <= 1)).all())
    if scores.shape[1] == 1:
        one = scores if inside else scores.sigmoid()
        return torch.cat([1 - one, one], dim=1)
    return scores if inside and bool(((scores.sum(1) - 1).abs() < ROUNDING).all()) else scores.softmax(1)


def _believed(found: _Asked) -> list[list[float]]:
    """Sums of probabilities [true class][class] in place of counts."""
    classes = max(found.believed.shape[1], int(found.wanted.max()) + 1 if len(found.wanted) else 0)
    sums = torch.zeros(classes, classes)
    sums[:, : found.believed.shape[1]].index_add_(0, found.wanted, found.believed)
    told: list[list[float]] = sums.tolist()
    return told


def _counts(found: _Asked) -> list[list[int]]:
    classes = int(max(found.predicted.max(), found.wanted.max())) + 1 if len(found.wanted) else 0
    if classes > MAX_CLASSES:
        raise NetvetError(f"there are {classes} classes: too few samples of each")
    counts = torch.bincount(found.wanted * classes + found.predicted, minlength=classes * classes)
    told: list[list[int]] = counts.view(classes, classes).tolist()
    return told


def _far(held_out: _Asked, train: _Asked) -> dict[str, float]:
    """Distances of samples that are often taken for another class, to the samples of that class."""
    told: dict[str, float] = {}
    for a, b in {(int(a), int(b)) for a, b in zip(train.wanted, train.predicted, strict=True) if a != b}:
        mistaken = train.inputs[(train.wanted == a) & (train.predicted == b)]
        own = held_out.inputs[held_out.wanted == b]
        if len(own) < LEAST_OF_CLASS or len(mistaken) < OFTEN * int((train.wanted == a).sum()):
            continue
        within = torch.cdist(own, own).fill_diagonal_(torch.inf).min(1).values.median()
        told[f"{a} {b}"] = float(torch.cdist(mistaken, own).min(1).values.median() / within.clamp(min=1e-12))
    return told


AUGMENT_CHANGES: dict[str, Callable[[Build, Any], None]] = {"held-out-half": held_out_half, "confused": confused}
