"""Curves over the training steps."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.report.figures import Source
from netvet.report.figures.spec import Figure, axis, steps_axis
from netvet.report.figures.thin import curve, series_of


def losses(source: Source) -> Iterator[Figure]:
    """Training and validation loss."""
    train, val = series_of(source, "loss"), series_of(source, "val_loss")
    if not train and not val:
        return
    curves = [curve(f"train {name}", one, "train") for name, one in train.items()]
    curves += [curve(f"val {name}", one, "val") for name, one in val.items()]
    yield {
        "kind": "lines", "id": "loss", "title": "Loss", "signals": ["loss", "val_loss"],
        "about": "Each step's training loss and each evaluation's; both should fall, and the two stay together.",
        "x": steps_axis(), "y": axis("loss"), "curves": curves, "marks": [],
    }  # fmt: skip
