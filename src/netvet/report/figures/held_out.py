"""What the trained model says of held-out samples: confusions, calibration, predicted against target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import records_of
from netvet.report.figures.samples import number_text, split
from netvet.report.figures.spec import Bars, Cloud, Matrix, Points, axis, numbers

# Clouds that can still be told apart.
OUTPUTS = 6
SIGNALS = ["held_out_predictions"]


def held_out(source: Source) -> Iterator[Matrix | Points | Bars]:
    """All figures of held-out predictions."""
    for number, record in enumerate(records_of(source, "held_out_predictions")):
        if record.get("task") == "classification":
            yield confusion(record, number)
            yield recall(record, number)
            if isinstance(record.get("calibration"), Mapping):
                yield calibration(record, record["calibration"], number)
        elif record.get("task") == "regression":
            yield scatter(record, number)


def role_of(record: Record) -> Literal["train", "val"]:
    """The colour of a split."""
    return "val" if record.get("split") == "val" else "train"


def confusion(record: Record, number: int) -> Matrix:
    """Labels against predicted classes."""
    classes = [str(one) for one in record["shown"]]
    about = (
        f"Of {record['samples']} {split(record)} samples at step {record.get('step')}: how many of each label (row) "
        f"are predicted as which class (column). Accuracy {float(record['accuracy']):.1%}, in evaluation mode. "
        "Healthy: all on the diagonal."
    )
    if len(classes) < int(record["classes"]):
        about += f" Shown are the {len(classes)} of {record['classes']} classes with the most errors."
    return {
        "kind": "matrix", "id": f"confusion-{number}", "title": f"Confusion matrix ({split(record)})", "about": about,
        "signals": SIGNALS, "row_axis": "label", "column_axis": "predicted class", "rows": classes, "columns": classes,
        "values": [numbers(row) for row in record["confusion"]], "unit": "samples", "diagonal": True,
    }  # fmt: skip


def recall(record: Record, number: int) -> Bars:
    """Share of each class that is predicted right."""
    values = [float("nan") if value is None else value for value in record["recall"]]
    return {
        "kind": "bars", "id": f"recall-{number}", "title": f"Recall of each class ({split(record)})",
        "about": f"Share of the {split(record)} samples of a class that are predicted as it. Healthy: alike for all; a "
        "low bar is a class that the model has not learned.",
        "signals": SIGNALS, "x": axis("class"), "y": axis("recall", "share"),
        "categories": [f"{name} ({count})" for name, count in zip(record["shown"], record["support"], strict=True)],
        "edges": [],
        "series": [{"name": "recall", "values": numbers(values), "role": role_of(record)}],
    }  # fmt: skip


def calibration(record: Record, bins: Mapping[str, list[float | None]], number: int) -> Points:
    """Accuracy against confidence."""
    kept = [
        (sure, right, count)
        for sure, right, count in zip(bins["confidence"], bins["accuracy"], bins["count"], strict=True)
        if sure is not None and right is not None
    ]
    error = float(record["calibration"]["error"])
    cloud: Cloud = {
        "name": f"{len(bins['count'])} bins of confidence", "x": [sure for sure, _, _ in kept],
        "y": [right for _, right, _ in kept], "names": [f"{count} samples" for _, _, count in kept],
        "role": role_of(record),
    }  # fmt: skip
    return {
        "kind": "points", "id": f"calibration-{number}", "title": f"Calibration ({split(record)})",
        "about": "How often the predicted class is right, by the probability that it is given. Healthy: on the "
        f"diagonal; below it the model is too sure of itself. Expected calibration error: {error:.3f} over "
        f"{record['samples']} samples; points of few samples may be off by chance.",
        "signals": SIGNALS, "x": axis("confidence", "probability"), "y": axis("accuracy", "share"), "clouds": [cloud],
        "diagonal": True,
    }  # fmt: skip


def scatter(record: Record, number: int) -> Points:
    """Predictions of a regression against its targets."""
    clouds: list[Cloud] = []
    for output, (predicted, target) in enumerate(zip(record["predicted"], record["target"], strict=True)):
        kept = [(t, p) for t, p in zip(target, predicted, strict=True) if t is not None and p is not None]
        if kept and len(clouds) < OUTPUTS:
            name = "samples" if record["outputs"] == 1 else f"output {output}"
            x, y = [t for t, _ in kept], [p for _, p in kept]
            role: Literal["train", "val", "other"] = "other" if output else role_of(record)
            clouds.append({"name": name, "x": x, "y": y, "names": [""] * len(kept), "role": role})
    some = "" if len(clouds) == record["outputs"] else f" Shown: {len(clouds)} of {record['outputs']} outputs."
    return {
        "kind": "points", "id": f"predicted-target-{number}", "title": f"Predicted against target ({split(record)})",
        "about": f"{record['samples']} {split(record)} samples at step {record.get('step')}, in the units of the loss. "
        f"r2 {number_text(record.get('r2'))}, root mean square error {number_text(record.get('rmse'))}. Healthy: along "
        f"the diagonal; a level cloud is a model that predicts the mean.{some}",
        "signals": SIGNALS, "x": axis("target", "target units"), "y": axis("prediction", "target units"),
        "clouds": clouds, "diagonal": True,
    }  # fmt: skip
