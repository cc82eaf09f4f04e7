"""The table of stored runs."""

from __future__ import annotations

from collections.abc import Sequence

from netvet.report.plain import cells, clean
from netvet.store import RunSummary

_TITLES = ("name", "started", "script", "steps", "ended")
# A path beyond this pushes the other columns off the screen.
_MAX_CELL = 60


def table(runs: Sequence[RunSummary]) -> str:
    """One line for each run, under titles, with a newline at the end."""
    rows = [_TITLES, *(_row(run) for run in runs)]
    widths = [max(cells(row[column]) for row in rows) for column in range(len(_TITLES))]
    return "".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True))
    return "  ".join(padded).rstrip() + "\n"


def _row(run: RunSummary) -> tuple[str, ...]:
    ended = f"unreadable: {run.error}" if run.error else run.ended or "no end"
    ended += f", a trial of {run.trial}" if run.trial else ""
    steps = "" if run.steps is None else f"{run.steps:,}"
    # Local time as it was recorded; the offset helps nobody in a list.
    started = (run.started or "").replace("T", " ")[:19]
    return tuple(clean(cell, _MAX_CELL) for cell in (run.path.name, started, run.script or "", steps, ended))
