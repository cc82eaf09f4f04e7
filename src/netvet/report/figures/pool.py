"""Many series as the cells of one heat map: columns of steps, of which none loses a spike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from netvet.report.figures.spec import Scale
from netvet.report.figures.thin import Buckets, Steps, Values, width_of

# More rows than this are no longer told apart on a screen; so many of them are chosen because they stand out.
ROWS, STANDING_OUT = 300, 60
# Rows that are chosen because findings speak of them.
NAMED = 120
# Columns of which the median is what is usual for the next so many: a level that training moves only slowly.
LEVEL = 8
# Least number that a logarithm is taken of: zeros lie below all that float32 can hold.
TINY = 1e-46
# Colours are spent on so many decades around the median; what lies beyond has the last colour.
DECADES = 6


def grid_of(rows: Sequence[Buckets], *, log: bool, stands: bool = True) -> tuple[Steps, Values, int]:
    """Pool series to columns.

    Only columns in which something was measured are there, so a column reaches to the next one. A run that grows
    changes the last column and adds new ones, until the width doubles.

    Args:
        rows: the series.
        log: distances are those of logarithms.
        stands: a value holds until the next look; else nothing is there between.

    Returns:
        Step at which each column begins, int64 [columns]; of each row the value farthest from its usual level,
        float64 [rows, columns] (NaN: nothing measured; infinite: a value is not finite); steps in a column.
    """
    width = width_of(np.asarray([row.steps[-1] for row in rows if len(row)]))
    if width > 1:
        rows = [row.joined(row.steps // width) for row in rows]
    places = [row.steps // width for row in rows]
    columns = np.unique(np.concatenate([*places, *([] if stands else [place + 1 for place in places])]))
    low, high, mean = (np.full((len(rows), len(columns)), np.nan) for _ in range(3))
    wrong = np.zeros(low.shape, bool)
    for number, (row, place) in enumerate(zip(rows, places, strict=True)):
        at = np.searchsorted(columns, place)
        low[number, at], high[number, at], mean[number, at] = row.low, row.high, row.mean
        wrong[number, at] = row.wrong
    values = mean if width == 1 else farthest(low, high, mean, log=log)
    return columns * width, np.where(wrong, np.inf, values), width


def farthest(low: Values, high: Values, mean: Values, *, log: bool) -> Values:
    """Of the extremes of each cell the one that is farther from what is usual there, all [rows, columns].

    Usual is the median of the means of the `LEVEL` columns before, counted in blocks from the first column, so that it
    never changes when columns are added.
    """

    def position(values: Values) -> Values:
        return np.log(np.maximum(values, TINY)) if log else values

    blocks = max(1, mean.shape[1] // LEVEL)
    whole = position(mean[:, : blocks * LEVEL])
    parts = whole.reshape(len(mean), blocks, -1) if whole.size else np.full((len(mean), 1, 1), np.nan)
    known = ~np.isnan(parts)
    levels = np.full(parts.shape[:2], np.nan)
    some = known.any(axis=2)
    levels[some] = np.nanmedian(parts[some], axis=1) if not known.all() else np.median(parts, axis=2)[some]
    before = np.concatenate([levels[:, :1], levels], axis=1)
    usual = np.repeat(before, LEVEL, axis=1)[:, : mean.shape[1]]
    above, below = position(high) - usual, usual - position(low)
    return np.where(below > above, low, high)


def chosen(rows: Mapping[str, Buckets], named: Collection[str] = ()) -> dict[str, Buckets]:
    """At most `ROWS` of them, in their order: those named, those that stand out most, and an even choice by depth."""
    if len(rows) <= ROWS:
        return dict(rows)
    names = list(rows)
    spoken_of = [number for number, name in enumerate(names) if _is_named(name, named)][:NAMED]
    heights = np.log(np.maximum([_peak(row) for row in rows.values()], TINY))
    finite = heights[np.isfinite(heights)]
    distance = np.abs(heights - (np.median(finite) if finite.size else 0.0))
    picked = {*spoken_of, *np.argsort(-distance, kind="stable")[:STANDING_OUT].tolist()}
    picked |= set(np.linspace(0, len(names) - 1, ROWS - len(picked)).astype(int).tolist())
    return {names[number]: rows[names[number]] for number in sorted(picked)}


def _is_named(row: str, named: Collection[str]) -> bool:
    """Whether a row is named itself, or is a parameter of a layer that is."""
    return row in named or row.rpartition(".")[0] in named


def _peak(row: Buckets) -> float:
    """The largest value without its sign; infinite where one is not finite, NaN where there is none."""
    if row.wrong.any():
        return float("inf")
    known = np.fmax(np.abs(row.low), np.abs(row.high))
    return float(np.nanmax(known)) if not np.isnan(known).all() else 0.0


def decades(values: Values, label: str, unit: str) -> Scale:
    """A log scale over the finite positive values, rounded outwards to decades so that a growing run keeps it."""
    found = values[np.isfinite(values) & (values > 0)]
    low, high, middle = (found.min(), found.max(), np.median(found)) if found.size else (0.1, 1.0, 1.0)
    first = np.floor(max(np.log10(low), np.log10(middle) - DECADES))
    last = max(np.ceil(min(np.log10(high), np.log10(middle) + DECADES)), first + 1)
    return {"label": label, "unit": unit, "scale": "log", "low": float(10.0**first), "high": float(10.0**last)}


def both_signs(values: Values, label: str, unit: str) -> Scale:
    """An even scale around zero, rounded outwards to 1, 2 or 5 times a power of ten."""
    found = np.abs(values[np.isfinite(values)])
    top = float(found.max()) if found.size and found.max() > 0 else 1.0
    power = 10.0 ** np.floor(np.log10(top))
    end = float(next(one * power for one in (1, 2, 5, 10) if one * power >= top * (1 - 1e-9)))
    return {"label": label, "unit": unit, "scale": "linear", "low": -end, "high": end}
