"""Losses of single samples along a training: who is hard, who is never learned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Bars, Cloud, Figure, Points, Table, axis, numbers, steps_axis
from netvet.report.figures.trials import Record, Spread, base, fan, finite, listed, mapped, plot, spreads

SIGNAL = "sample_losses"
BINS = 40
# Points of the cartography; of more samples, the evenly spaced ones among them.
POINTS = 1_500
CLASSES = 60


def sample_losses(source: Source) -> Iterator[Figure]:
    """All pictures of the losses of single samples."""
    for record in records_of(source, SIGNAL):
        drawn = fan("mean over the samples", [(finite(record.get("steps")), finite(record.get("mean")))], "train")
        text = "Mean loss of the training samples, by copies of the model in evaluation mode. Healthy: it falls."
        yield from plot(
            base("sample-loss-mean", "Loss of the samples", text, SIGNAL), steps_axis(), axis("loss", "loss"), [drawn]
        )
        yield from histogram(record)
        yield from cartography(record)
        yield from by_class(record)
        yield from worst(record)


def histogram(record: Record) -> Iterator[Bars]:
    """How many samples have which loss at the last moment."""
    losses = np.asarray(finite(record.get("losses")), dtype=np.float64)
    if len(losses) < 2:
        return
    low, high = float(losses.min()), float(losses.max())
    log = low > 0 and high > 30 * low
    edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high if high > low else low + 1, BINS + 1)
    edges[0], edges[-1] = low, max(high, edges[-1])
    counts, _ = np.histogram(losses, bins=edges)
    text = (
        "How many samples have which loss at the last moment. Healthy: one hump; a second one far to the right are "
        "samples that the model contradicts."
    )
    yield {
        **base("sample-loss-histogram", "Losses of the samples at the end", text, SIGNAL), "kind": "bars",
        "x": axis("loss", "loss", log=log), "y": axis("samples"), "categories": [],
        "edges": [float(v) for v in edges], "series": [{"name": "samples", "values": numbers(counts), "role": "train"}],
    }  # fmt: skip


def cartography(record: Record) -> Iterator[Points]:
    """Confidence in the label against its variability, of each sample (Swayamdipta et al. 2020)."""
    sure, swing, keys = (listed(record.get(name)) for name in ("confidence", "variability", "keys"))
    known = [
        (a, b, str(keys[i]) if i < len(keys) else str(i))
        for i, (a, b) in enumerate((number_of(x), number_of(y)) for x, y in zip(swing, sure, strict=False))
        if a is not None and b is not None
    ]
    if not known:
        return
    every = max(1, -(-len(known) // POINTS))
    cut = f" One of {every} samples is drawn." if every > 1 else ""
    clouds: list[Cloud] = []
    parts = (("easy", 0.5, 1.1, "train"), ("hard: the label is seldom believed", -0.1, 0.5, "worse"))
    for name, low, high, role in parts:
        own = [one for one in known[::every] if low <= one[1] < high]
        if own:
            clouds.append({"name": name, "x": [a for a, _, _ in own], "y": [b for _, b, _ in own],
                           "names": [key for _, _, key in own], "role": role})  # type: ignore[typeddict-item]  # fmt: skip
    text = (
        "Probability of the label over the training, mean against spread. Top left is easy, right is ambiguous, bottom "
        f"left is hard or wrongly labelled.{cut}"
    )
    yield {
        **base("sample-cartography", "Cartography of the samples", text, SIGNAL), "kind": "points", "clouds": clouds,
        "x": axis("variability of the probability of the label"), "y": axis("mean probability of the label"),
        "diagonal": False,
    }  # fmt: skip


def by_class(record: Record) -> Iterator[Bars]:
    """Mean loss of each class."""
    found = [
        Spread(str(mapped(one).get("label")), number_of(mapped(one).get("mean")))
        for one in listed(record.get("classes"))
    ]
    text = "Mean loss of the samples of each class at the last moment, the highest first. Healthy: much alike."
    said = base("sample-loss-classes", "Loss by class", text, SIGNAL)
    yield from spreads(said, "class", axis("mean loss", "loss"), {"loss": (found[:CLASSES], "train")})


def worst(record: Record) -> Iterator[Table]:
    """Samples with the highest loss, and those whose loss never fell."""
    parts = (("worst", "Samples with the highest loss"), ("never_fell_examples", "Samples whose loss never fell"))
    for key, title in parts:
        rows: list[list[str | float | None]] = [
            [str(one.get("key")), str(one.get("target")), number_of(one.get("loss")), number_of(one.get("probability"))]
            for one in map(mapped, listed(record.get(key)))
        ]
        if rows:
            text = "Look at these first: hard ones, wrong labels, or samples that the model is not meant for."
            said = base(f"sample-loss-{key.replace('_', '-')}", title, text, SIGNAL)
            yield {
                **said,
                "kind": "table",
                "columns": ["sample", "label", "loss", "probability of the label"],
                "rows": rows,
            }
