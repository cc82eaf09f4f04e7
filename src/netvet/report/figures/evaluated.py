"""What evaluation passes left changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import records_of
from netvet.report.figures.spec import Base, Heat, Scale, heat

# Names that still have a row each.
ROWS = 40
SCALE: Scale = {"label": "changed by the pass", "unit": "no 0, yes 1", "scale": "linear", "low": 0.0, "high": 1.0}


def changed(source: Source) -> Iterator[Heat]:
    """Weights, statistics and modes by evaluation pass, where a pass has changed some."""
    records = records_of(source, "evaluations")
    for number, model in enumerate(dict.fromkeys(str(one.get("model")) for one in records)):
        passes = {int(one.get("step") or 0): one for one in records if str(one.get("model")) == model}
        names = list(dict.fromkeys(name for one in passes.values() for name in left(one)))
        if not names:
            continue
        steps = sorted(passes)
        values = np.array([[was_changed(name, passes[step]) for step in steps] for name in names[:ROWS]])
        more = f" The first {ROWS} of {len(names)}." if len(names) > ROWS else ""
        base: Base = {
            "id": f"evaluations-change-{number}", "title": f"What evaluations of {model} changed",
            "about": "Weights, statistics and the mode of the model that differ after an evaluation pass, by pass. "
            f"Healthy: no such picture at all.{more}",
            "signals": ["evaluations"], "checks": ["evaluation-changes-state"], "proof": True,
        }  # fmt: skip
        yield heat(base, names[:ROWS], [float(step) for step in steps], values, SCALE, family=base["id"])


def was_changed(name: str, record: Record) -> float:
    """1 or 0; NaN where nobody looked: not every pass is compared, to save time."""
    field = {"weights": "parameters_changed", "buffer": "buffers_changed"}.get(name.partition(" ")[0], "mode_after")
    return float("nan") if record.get(field) is None else float(name in left(record))


def left(record: Record) -> Iterator[str]:
    """Names of what differs after a pass."""
    yield from (f"weights {name}" for name in record.get("parameters_changed") or ())
    yield from (f"buffer {name}" for name in record.get("buffers_changed") or ())
    if record.get("mode_before") is True and record.get("mode_after") is False:
        yield "left in eval mode"
