"""What other learning rates would do: from the initial weights, on a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Curve, Figure, Lines, Mark, axis

# Losses that span more than this are drawn over logarithms: one rate that diverges would flatten all others.
WIDE = 30


def other_rates(source: Source) -> Iterator[Figure]:
    """Loss after a few steps, and after the run's first steps, at other learning rates."""
    for number, record in enumerate(records_of(source, "lr_probe")):
        yield from over_rates(
            f"lr-probe-{number}", f"First steps at other learning rates ({record.get('optimizer')})",
            f"Loss after {record.get('steps')} steps from the initial weights, on a copy, at multiples of the rate. "
            "Healthy: your rate lies a little left of the lowest point.",
            "lr_probe", record, {"before": record.get("start")},
        )  # fmt: skip
    for number, record in enumerate(records_of(source, "lr_trial")):
        flat = {"this run": record.get("own"), "start": record.get("start"), "with warm-up": record.get("warmup")}
        yield from over_rates(
            f"lr-trial-{number}", f"The run again at other learning rates ({record.get('optimizer')})",
            f"Mean loss of the last quarter of {record.get('steps')} steps, repeated from the initial weights on the "
            "same batches. Healthy: no other rate does clearly better than yours.",
            "lr_trial", record, flat,
        )  # fmt: skip


def over_rates(
    identifier: str, title: str, about: str, signal: str, record: Record, levels: Mapping[str, Any]
) -> Iterator[Lines]:
    """Losses by learning rate, with flat lines to compare with; rates at which it diverged are said in words."""
    rate, multiples, found = number_of(record.get("lr")), record.get("multiples"), record.get("losses")
    if not rate or not multiples or not found:
        return
    points = [(rate * float(m), number_of(loss)) for m, loss in zip(multiples, found, strict=False)]
    points.sort(key=lambda one: one[0])
    x = [float(f"{at:.6g}") for at, _ in points]
    lost = [f"{at:g}" for at, (_, loss) in zip(x, points, strict=True) if loss is None]
    about += f" Not finite at {', '.join(lost)}." if lost else ""
    losses = [loss for _, loss in points]
    curves: list[Curve] = [{"name": "loss", "x": x, "y": losses, "role": "train", "style": "line"}]
    for name, value in levels.items():
        height = number_of(value)
        if height is not None:
            curves.append({"name": name, "x": x, "y": [height] * len(x), "role": "reference", "style": "dash"})
    marks: list[Mark] = [{"x": rate, "label": "your rate", "severity": "note"}]
    known = [value for one in curves for value in one["y"] if value is not None]
    log = bool(known) and min(known) > 0 and max(known) > WIDE * min(known)
    yield {
        "kind": "lines", "id": identifier, "title": title, "about": about, "signals": [signal],
        "x": axis("learning rate", log=True), "y": axis("loss", "loss", log=log), "curves": curves, "marks": marks,
    }  # fmt: skip
