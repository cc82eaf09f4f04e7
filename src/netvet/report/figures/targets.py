"""Targets as they came: beside the inputs that they equal, beside the weights of their classes, batch after batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import bars, number_of, records_of
from netvet.report.figures.spec import Bars, Base, Curve, Figure, Lines, Scale, axis, heat, numbers
from netvet.report.figures.trials import listed

# Batches that tell whether they are alike, losses that have a picture each, and classes that have a bar each.
FEWEST, LOSSES, CLASSES = 4, 3, 50
BATCHES = axis("batch", "in the order of training")


def copied(source: Source) -> Iterator[Lines]:
    """The numbers of the input that the target can be copied from, beside those of the target."""
    for record in records_of(source, "target_in_input"):
        given, wanted = numbers(listed(record.get("shown_input"))), numbers(listed(record.get("shown_target")))
        if not given or len(given) != len(wanted):
            continue
        column, model = record.get("column"), record.get("model")
        of = f"column {column} of the input" if column is not None else "input"
        places = axis("sample" if column is not None and record.get("step") is None else "position", "number")
        x = [float(n) for n in range(len(given))]
        curves: list[Curve] = [
            {"name": of, "x": x, "y": given, "role": "reference", "style": "line"},
            {"name": "target", "x": x, "y": wanted, "role": "worse", "style": "points"},
        ]
        yield {
            "kind": "lines", "id": "target-in-input", "title": f"The target beside the {of} of {model}",
            "about": "The first numbers of both, one above the other. Healthy: the target is not among what the net is "
            "given; where both are equal, it need only copy.",
            "signals": ["target_in_input"], "checks": ["target-in-input"], "proof": True, "x": places,
            "y": axis("value", "input units"), "curves": curves, "marks": [],
        }  # fmt: skip


def weights(source: Source) -> Iterator[Bars]:
    """How often each class is a target, beside the weight that the loss gives it."""
    trained = [one for one in records_of(source, "losses") if one.get("phase") == "train"]
    for number, record in enumerate(trained[:LOSSES]):
        weight, counts = class_weights(record), [number_of(one) for one in listed(record.get("counts"))]
        if len(weight) < 2 or len(weight) != len(counts):
            continue
        names, size = [str(k) for k in range(len(weight))][:CLASSES], CLASSES
        made = bars(
            f"class-weights-{number}", f"Class weights of {record.get('function')} beside the classes",
            "Share of each class among the targets, and its share of all class weights. Healthy: what is rare weighs "
            "more, so that the one rises where the other falls.",
            ["losses"], axis("class"), axis("share", "share"), names,
            {"share of the targets": (shares(counts)[:size], "reference"),
             "share of the weights": (shares(weight)[:size], "val")},
        )  # fmt: skip
        made["checks"] = ["wrong-class-weights"]
        yield made


def class_weights(record: Record) -> list[float | None]:
    """One weight a class; that of the positives stands beside 1 for the negatives."""
    positive = [number_of(one) for one in (listed(record.get("pos_weight")) or [record.get("pos_weight")])]
    if len(positive) == 1 and positive[0] is not None:
        return [1.0, positive[0]]
    return [number_of(one) for one in listed(record.get("weight"))]


def shares(values: Sequence[float | None]) -> list[Any]:
    """Parts of the whole."""
    whole = sum(abs(one) for one in values if one is not None) or 1.0
    return [None if one is None else one / whole for one in values]


def batches(source: Source) -> Iterator[Figure]:
    """Targets of the first batches: classes as a map, numbers as a curve."""
    trained = [one for one in records_of(source, "targets") if one.get("phase") == "train"]
    for number, record in enumerate(trained[:LOSSES]):
        counts = np.asarray(listed(record.get("batch_counts")), dtype=np.float64)
        means = [number_of(one) for one in listed(record.get("batch_means"))]
        if counts.ndim == 2 and len(counts) >= FEWEST:
            yield of_classes(number, counts)
        elif len(means) >= FEWEST:
            yield of_numbers(number, means, number_of(record.get("mean")))


def of_classes(number: int, counts: Any) -> Figure:
    """Classes by batches, of counts [batches, classes]."""
    part = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    base: Base = {
        "id": f"batch-classes-{number}", "title": "Classes of the targets, batch after batch",
        "about": "Share of each class in the first batches that were looked at. Healthy: every batch holds all "
        "classes, so that rows are of one colour; stairs or stripes are data that come sorted.",
        "signals": ["targets"], "checks": ["unshuffled-data", "constant-target"],
    }  # fmt: skip
    scale: Scale = {"label": "share of the batch", "unit": "share", "scale": "linear", "low": 0.0, "high": 1.0}
    rows = [f"class {k}" for k in range(part.shape[1])]
    return heat(base, rows, list(range(len(part))), part.T, scale, family=base["id"], x=BATCHES)


def of_numbers(number: int, means: list[float | None], mean: float | None) -> Figure:
    """Mean targets of batches, beside that of all."""
    x = [float(n) for n in range(len(means))]
    curves: list[Curve] = [{"name": "mean of a batch", "x": x, "y": means, "role": "train", "style": "line"}]
    if mean is not None:
        ends = [x[0], x[-1]]
        curves.append({"name": "mean of all", "x": ends, "y": [mean] * 2, "role": "reference", "style": "dash"})
    return {
        "kind": "lines", "id": f"batch-means-{number}", "title": "Mean target, batch after batch",
        "about": "Mean of the targets of the first batches that were looked at. Healthy: to and fro around the mean of "
        "all; a slope or long waves are data that come sorted.",
        "signals": ["targets"], "checks": ["unshuffled-data"], "x": BATCHES, "y": axis("mean target", "target units"),
        "curves": curves, "marks": [],
    }  # fmt: skip
