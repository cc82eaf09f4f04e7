"""The curves of twins: each change beside the unchanged program, with a band over the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Record = Mapping[str, Any]
# Panels side by side; the first eight changes are shown.
COLUMNS, MOST = 3, 8
_COLOURS = {"helped": "tab:green", "made worse": "tab:red"}


def draw(found: Record, file: Path) -> None:
    """Draw one panel for each change of the first round, with the curve of its metric (else the training loss).

    Args:
        found: the record of a study (schema `netvet.fix/1`).
        file: its ending says in which format.
    """
    from matplotlib.figure import Figure

    one = found["rounds"][0]
    arms = one["fixes"][:MOST]
    columns = min(COLUMNS, max(1, len(arms)))
    rows = max(1, -(-len(arms) // columns))
    figure = Figure(figsize=(4.2 * columns, 3.0 * rows), layout="constrained")
    for number, arm in enumerate(arms, 1):
        panel = figure.add_subplot(rows, columns, number)
        _band(panel, [one["unchanged"][s] for s in arm["runs"] if s in one["unchanged"]], "tab:gray", "unchanged")
        _band(panel, list(arm["runs"].values()), _COLOURS.get(arm["verdict"], "tab:blue"), arm["what"])
        panel.set_title(f"{arm['fix']}: {arm['verdict']}", fontsize=10)
        panel.set_xlabel("optimizer steps")
        panel.set_ylabel(_axis(list(arm["runs"].values())))
        panel.legend(fontsize=8)
    figure.savefig(file)


def _axis(runs: Sequence[Record]) -> str:
    return str(runs[0]["metric"]) if runs and len(runs[0]["curve"]) > 1 else "training loss"


def _band(panel: Any, runs: Sequence[Record], colour: str, label: str) -> None:
    """Mean over the seeds, and the range of all of them."""
    name = "curve" if all(len(run["curve"]) > 1 for run in runs) else "train_curve"
    curves = [run[name] for run in runs if run[name]]
    if not curves:
        return
    length = min(len(curve) for curve in curves)
    steps = [point[0] for point in curves[0][:length]]
    values = np.array([[np.nan if y is None else y for _, y in curve[:length]] for curve in curves], dtype=float)
    panel.plot(steps, values.mean(0), color=colour, label=label)
    panel.fill_between(steps, values.min(0), values.max(0), color=colour, alpha=0.2, linewidth=0)
