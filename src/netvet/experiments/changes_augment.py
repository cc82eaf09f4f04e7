"""Differences that tell what augmentation does: training on clean samples in its place, and who is taken for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from netvet.core import NetvetError
from netvet.experiments.data import Data
from netvet.experiments.problem import in_eval_mode
from netvet.experiments.task import predictions
from netvet.experiments.trial import Build, without_graph

# So many samples are asked about; of more classes than this a pair has too few of them.
MAX_ASKED, MAX_CLASSES = 2_000, 200


def held_out_half(build: Build, clean: bool) -> None:
    """Score on a half of the held-out data; with `clean`, train on the other half in place of the training data."""
    first, second = build.val.split(0.5, seed=build.trial.seed)
    build.val = second
    if clean:
        build.train = first
        build.batch_size = None


def confused(build: Build, _: bool) -> None:
    """At the end, who is taken for whom: counts [true class][predicted class] on held-out and on training samples.

    `confused` has them as `held_out` and `train`, the latter of the program's own training samples.
    """

    def measure(made: Build) -> Mapping[str, Any]:
        return {"confused": {"held_out": _counts(made, made.val), "train": _counts(made, made.problem.train)}}

    build.at_end.append(measure)


def _counts(build: Build, data: Data) -> list[list[int]]:
    pairs, asked = [], 0
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
            pairs.append(torch.stack([p.long().cpu() for p in pair]))
            asked += pairs[-1].shape[1]
            if asked >= MAX_ASKED:
                break
    found = torch.cat(pairs, dim=1)
    predicted, wanted = found[:, found[1] >= 0]
    classes = int(max(predicted.max(), wanted.max())) + 1 if len(wanted) else 0
    if classes > MAX_CLASSES:
        raise NetvetError(f"there are {classes} classes: too few samples of each")
    counts = torch.bincount(wanted * classes + predicted, minlength=classes * classes)
    told: list[list[int]] = counts.view(classes, classes).tolist()
    return told


AUGMENT_CHANGES: dict[str, Callable[[Build, Any], None]] = {"held-out-half": held_out_half, "confused": confused}
