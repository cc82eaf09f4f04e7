"""Small checks and runs that the tests of the reports and of the command line share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from netvet.config import selected
from netvet.core import Check, Facts, Finding, LayerSeries, Location, check
from netvet.diagnose import Settings, diagnose
from netvet.report.view import View, build
from netvet.testing import PlainSignals


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={"return-logits": "Return the raw scores from forward; the loss applies the softmax itself."},
)
def double_softmax(losses: Facts) -> Iterator[Finding]:
    """A softmax in front of a loss that applies its own.

    ## Why it matters
    The loss cannot fall below a floor.
    """
    for record in losses:
        if record["input_op"] == "softmax":
            yield Finding(
                f"the output of a softmax enters {record['function']}, which applies log-softmax itself: "
                "with 10 classes the loss cannot fall below 1.46",
                where=record["site"],
                value=1.46,
                limit=1.2,
                location=Location(record["file"], record["line"]),
                evidence={"rows_sum_to_one": 1.0},
                confidence=1.0,
            )


@check(
    stage="fit",
    kind="cause",
    severity="warning",
    since="0.1",
    fixes={"lower-lr": "Divide the learning rate by ten."},
)
def lr_too_high(lr: LayerSeries, *, limit: float = 0.1) -> Iterator[Finding]:
    """A learning rate at which the loss jumps."""
    for name, series in lr.items():
        if series.values.max() > limit:
            yield Finding(
                f"{name} steps with a rate of {series.values.max():g}",
                where=name,
                value=series.values.max(),
                limit=limit,
                location=Location("train.py", 12),
                confidence=0.85,
            )


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    explained_by=("double-softmax", "lr-too-high", "dead-relu", "unknown-thing"),
    fixes={"overfit-one-batch": "Train on two samples only: the loss must go to zero."},
)
def loss_plateau(loss: LayerSeries, *, patience: int = 2) -> Iterator[Finding]:
    """A loss that stays where it is."""
    for site, series in loss.items():
        if len(series) > patience and series.values.std() < 0.1:
            yield Finding(f"the loss at {site} stays near {series.values.mean():.2f}", where=site, step=0)


@check(stage="fit", kind="symptom", severity="warning", since="0.1", explained_by=("double-softmax",))
def small_gradients(grad_norm: LayerSeries) -> Iterator[Finding]:
    """Gradients that are too small to move the weights."""
    for name, series in grad_norm.items():
        if series.values.max() < 1e-3:
            yield Finding(f"the gradients of {name} are at most {series.values.max():g}", where=name)


@check(stage="fit", kind="cause", severity="error", since="0.1")
def dead_relu(dead_unit_share: LayerSeries) -> Iterable[Finding]:
    """Units that give zero for every sample."""
    return ()


@check(stage="data", kind="cause", severity="note", since="0.1")
def small_batches(loaders: Facts) -> Iterator[Finding]:
    """Batches of a few samples."""
    for record in loaders.where(batch_size=2):
        yield Finding("batches of 2 samples", where=record["name"])


CHECKS: tuple[Check, ...] = (small_batches, double_softmax, lr_too_high, loss_plateau, small_gradients, dead_relu)

RUN: Mapping[str, Any] = {
    "script": "train.py",
    "arguments": ["--epochs", "3"],
    "started": "2100-01-01T10:00:00+00:00",
    "ended": "ok",
    "steps": 1230,
    "seconds": 20.0,
    "netvet_seconds": 0.16,
}

SOURCE = "import torch\n\n\ndef forward(self, x):\n    return F.softmax(self.out(x), dim=1)  # classes\n"


def signals(**changed: Any) -> PlainSignals:
    """A healthy run with some of its signals changed; None takes one away."""
    found = {
        "run": Facts.of(RUN),
        "losses": Facts.of(
            {"site": "train.py:9", "function": "cross_entropy", "input_op": "linear", "file": "train.py", "line": 5}
        ),
        "loss": LayerSeries.of(**{"train.py:9": [2.3, 1.2, 0.4, 0.1]}),
        "lr": LayerSeries.of(**{"Adam/0": [0.001, 0.001]}),
        "grad_norm": LayerSeries.of(Adam=[1.0, 0.5]),
        "loaders": Facts.of({"name": "train.py:7", "batch_size": 64}),
    } | changed
    return PlainSignals(
        {name: value for name, value in found.items() if value is not None},
        {"dead_unit_share": "the model has no ReLU"},
    )


def softmax_signals(**changed: Any) -> PlainSignals:
    """A run with a double softmax, two symptoms of it, a second cause, and a note."""
    sick = {
        "losses": Facts.of(
            {"site": "train.py:9", "function": "cross_entropy", "input_op": "softmax", "file": "train.py", "line": 5}
        ),
        "loss": LayerSeries.of(**{"train.py:9": [2.3, 2.3, 2.29, 2.3]}),
        "grad_norm": LayerSeries.of(Adam=[1e-4, 1e-5]),
        "lr": LayerSeries.of(**{"Adam/0": [0.5, 0.5]}),
        "loaders": Facts.of({"name": "train.py:7", "batch_size": 2}),
    }
    return signals(**(sick | changed))


def view_of(
    source: PlainSignals, settings: Settings | None = None, root: Path | None = None, problems: Iterable[str] = ()
) -> View:
    """The report on these signals by the checks above."""
    chosen = settings or Settings()
    diagnosis = diagnose(source, CHECKS, chosen)
    names = selected(CHECKS, chosen)
    return build(diagnosis, source, selected=names, name="20260101-train", problems=problems, root=root)
