"""Curves over the training steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from netvet.core import Facts
from netvet.report.figures import Source
from netvet.report.figures.spec import Axis, Curve, Figure, Lines, Mark, axis, steps_axis
from netvet.report.figures.thin import Buckets, Role, buckets_of, curve, scaled

# Positive numbers that span more than this are drawn over logarithms, where a plot allows it.
WIDE = 1000.0
# So many of the user's metrics have a picture each; the loop that logs more names them by number.
METRICS = 24
MEGABYTE = 1e-6


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure of curves.

    Attributes:
        parts: signals with the word and the role of their curves.
        wide: its axis becomes logarithmic where the numbers call for it.
    """

    id: str
    title: str
    about: str
    y: Axis
    parts: tuple[tuple[str, str, Role], ...]
    wide: bool = False


LOSS = Plot(
    "loss", "Loss", "Each step's training loss and each evaluation's. Healthy: both fall, and stay together.",
    axis("loss", "loss"), (("loss", "train", "train"), ("val_loss", "val", "val")), wide=True,
)  # fmt: skip
ACCURACY = Plot(
    "accuracy", "Accuracy",
    "Share of samples that are predicted right. Healthy: both rise, and validation follows training.",
    axis("accuracy", "share"), (("train_accuracy", "train", "train"), ("val_accuracy", "val", "val")),
)  # fmt: skip
TRAINING = (
    Plot(
        "fixed-batch-loss", "Loss on a fixed batch",
        "Loss of the current weights, in evaluation mode, on one batch that never changes: without the noise of "
        "drawing batches. Healthy: it falls steadily.",
        axis("loss", "loss"), (("fixed_batch_loss", "fixed batch", "train"),), wide=True,
    ),
    Plot(
        "lr", "Learning rate",
        "The rate that each step used, by optimizer and group. Healthy: as you planned it, to the last step.",
        axis("learning rate"), (("lr", "", "other"),), wide=True,
    ),
    Plot(
        "loss-scale", "Loss scale",
        "Factor by which the loss is multiplied for float16 gradients. Healthy: few halvings after the first steps; "
        "a scale that falls on and on means gradients that are not finite.",
        axis("loss scale", log=True), (("loss_scale", "scale", "other"),),
    ),
)  # fmt: skip
SPREAD = (
    Plot(
        "prediction-top-share", "Share of the most predicted class",
        "Share of the batch that gets the most predicted class, and share that has the most common target. Healthy: "
        "the first comes down to the second; at 1 all predictions are the same.",
        axis("share of the batch", "share"),
        (("prediction_top_share", "predictions", "train"), ("target_top_share", "targets", "reference")),
    ),
    Plot(
        "prediction-std", "Spread of the predictions",
        "Standard deviation over the batch. Healthy: that of the predictions grows towards that of the targets; near "
        "0 all predictions are the same.",
        axis("standard deviation", "target units"),
        (("prediction_std", "predictions", "train"), ("target_std", "targets", "reference")),
    ),
)  # fmt: skip
COST = (
    Plot(
        "step-seconds", "Time of a step",
        "Wall time from one optimizer step to the next, sampled. Healthy: level; a slow rise means that something "
        "piles up.",
        axis("time", "s"), (("step_seconds", "step", "other"),),
    ),
    Plot(
        "pass-seconds", "Time of the parts of a step, by rank",
        "Wall time of forward, backward and what lies between them. Healthy: all ranks alike; in backward they wait "
        "for the slowest.",
        axis("time", "s"), (("pass_seconds", "", "other"),),
    ),
    Plot(
        "live-graphs", "Graphs of earlier steps in memory",
        "Number of earlier losses and outputs whose autograd graph is still in memory. Healthy: level, at 0 or a few; "
        "a rise is a leak.",
        axis("graphs", "count"), (("live_graphs", "losses", "other"), ("live_outputs", "outputs", "reference")),
    ),
)  # fmt: skip


def losses(source: Source) -> Iterator[Figure]:
    """Training and validation loss, with the best evaluation."""
    for figure in plotted(source, LOSS):
        evaluated = buckets_of(source, "val_loss")
        first = next(iter(evaluated.values()), None)
        if first is not None and not np.isnan(first.low).all():
            best = int(first.steps[np.nanargmin(first.low)])
            figure["marks"].append({"x": best, "label": "best validation", "severity": "best"})
        yield figure


def accuracy(source: Source) -> Iterator[Figure]:
    """Training and validation accuracy; of evaluations in training mode that is said, as it is no usual accuracy."""
    evaluations = source.get("evaluations")
    passes = list(evaluations) if isinstance(evaluations, Facts) else []
    active = any(one.get("dropout_active") or one.get("batch_norm_active") for one in passes)
    for figure in plotted(source, ACCURACY):
        for one in figure["curves"] if active else ():
            one["name"] += ", scored in training mode" if one["role"] == "val" else ""
        yield figure


def training(source: Source) -> Iterator[Figure]:
    """What else is measured of the training as a whole."""
    return (figure for one in TRAINING for figure in plotted(source, one))


def spread(source: Source) -> Iterator[Figure]:
    """How far predictions differ from each other, beside the targets."""
    return (figure for one in SPREAD for figure in plotted(source, one))


def gradients(source: Source) -> Iterator[Figure]:
    """Norm of the gradient before and after clipping, and the limit."""
    about = (
        "L2 norm of all gradients of an optimizer. Healthy: within a decade or two, without spikes; clipping cuts "
        "spikes, not every step."
    )
    parts: tuple[tuple[str, str, Role], ...] = (
        ("grad_norm", "as used", "train"), ("grad_norm_before_clip", "before clipping", "reference"),
    )  # fmt: skip
    plot = Plot("grad-norm", "Gradient norm", about, axis("gradient norm", "loss/weight", log=True), parts)
    clips = source.get("clips")
    for figure in plotted(source, plot):
        figure["signals"].append("clips")
        for record in clips if isinstance(clips, Facts) else ():
            limit = record.get("max_norm")
            if record.get("kind") == "norm" and isinstance(limit, int | float) and np.isfinite(limit):
                figure["curves"].append(level(f"limit {limit:g}", float(limit), figure["curves"][0]["x"]))
        yield figure


def metrics(source: Source) -> Iterator[Figure]:
    """The user's own numbers, each in a figure: they have no unit in common."""
    for number, (name, one) in enumerate(buckets_of(source, "metric").items()):
        if number == METRICS:
            return
        word = re.sub(r"[^a-z0-9]+", "-", name.lower())[:40].strip("-")
        about = "A number that the script gave to `run.log`."
        yield {
            "kind": "lines", "id": f"metric-{number}-{word}".strip("-"), "title": name, "signals": ["metric"],
            "about": about, "x": steps_axis(), "y": axis(name, "as logged"), "marks": marks_of([one]),
            "curves": [curve(name, one, role_of(name))],
        }  # fmt: skip


def cost(source: Source) -> Iterator[Figure]:
    """Memory and time over the steps."""
    about = "Resident memory of the process, sampled. Healthy: level after the first steps; a steady rise is a leak."
    found = {name: scaled(one, MEGABYTE) for name, one in buckets_of(source, "memory_bytes").items()}
    if found:
        plot = Plot("memory", "Memory", about, axis("memory", "MB"), (("memory_bytes", "process", "other"),))
        yield lines(plot, [curve("process", one, "other") for one in found.values()], marks_of(found.values()))
    for one in COST:
        yield from plotted(source, one)


def plotted(source: Source, plot: Plot) -> Iterator[Lines]:
    """The figure of a plot; none where none of its signals was recorded."""
    found = [(word, role, buckets_of(source, signal)) for signal, word, role in plot.parts]
    curves = [curve(named(word, n, len(some)), one, role) for word, role, some in found for n, one in some.items()]
    every = [one for _, _, some in found for one in some.values()]
    if plot.wide and spans(every):
        plot = replace(plot, y={**plot.y, "scale": "log"})
    if curves:
        yield lines(plot, curves, marks_of(every))


def lines(plot: Plot, curves: list[Curve], marks: list[Mark]) -> Lines:
    """A plot with its curves."""
    return {
        "kind": "lines", "id": plot.id, "title": plot.title, "about": plot.about, "x": steps_axis(), "y": plot.y,
        "signals": [signal for signal, _, _ in plot.parts], "curves": curves, "marks": marks,
    }  # fmt: skip


def named(word: str, key: str, of: int) -> str:
    """Name of a curve: the word, and where it is not alone its key."""
    return word if word and (of == 1 or key == "(all)") else f"{word} {key}".strip()


def role_of(name: str) -> Role:
    """The role that the name of a metric speaks of."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    return "val" if words & {"val", "valid", "validation", "eval", "test", "dev"} else "train"


def spans(found: Iterable[Buckets]) -> bool:
    """Whether the numbers are positive and of very different sizes."""
    known = [one for one in found if not np.isnan(one.low).all()]
    low = min((float(np.nanmin(one.low)) for one in known), default=0.0)
    high = max((float(np.nanmax(one.high)) for one in known), default=0.0)
    return bool(low > 0 and high > WIDE * low)


def marks_of(found: Iterable[Buckets]) -> list[Mark]:
    """The first step at which one of the series is not finite, which a curve could only leave out."""
    steps = [int(one.steps[one.wrong.argmax()]) for one in found if one.wrong.any()]
    return [{"x": min(steps), "label": "not finite", "severity": "error"}] if steps else []


def level(name: str, value: float, x: list[float]) -> Curve:
    """A limit, at the same steps as a curve."""
    return {"name": name, "x": x, "y": [value] * len(x), "role": "limit", "style": "dash"}
