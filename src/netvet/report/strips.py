"""The page of a run on a terminal: sparklines of its curves, strips of its heat maps, and the verdict so far."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.report.figures.spec import EMPTY, FIRST_LEVEL, LAST_LEVEL, NON_FINITE
from netvet.report.page_view import PageView
from netvet.report.plain import cells, clean
from netvet.report.text import Line, Span, render

Values = npt.NDArray[np.float64]

BARS, SHADES = "▁▂▃▄▅▆▇█", " ·░▒▓█"
# Not a finite number: seen in any colour.
BROKEN = "!"
# Columns for the name of a curve or layer, and for its newest value.
NAME, VALUE = 26, 11
# Curves of a figure and rows of a heat map that are shown; a model has more layers than a terminal rows.
MAX_CURVES, MAX_ROWS = 4, 12
_ROLES = {"train": "cyan", "val": "yellow", "limit": "red", "worse": "red", "helped": "green"}


def lines(page: PageView, width: int) -> list[Line]:
    """All that fits a terminal of so many columns: the panels `training` and `layers`, then the report."""
    found: list[Line] = [_head(page, width), ()]
    figures: Sequence[Any] = page["figures"]
    for figure in figures:
        if figure["kind"] == "lines" and figure.get("panel") == "training":
            found += _curves(figure, width)
    for figure in [f for f in figures if f["kind"] == "heat" and f.get("panel") == "layers"][:1]:
        found += [(), *_strips(figure, width)]
    return [*found, (), *render(page["view"], width)]


def _head(page: PageView, width: int) -> Line:
    run = page["view"]["run"]
    state = {"ok": "ended", None: "no end so far"}.get(run["ended"], f"ended: {run['ended']}")
    steps = "" if run["steps"] is None else f"  {run['steps']:,} steps"
    return ((_cut(page["title"], width - 40), "bold"), (f"{steps}  {state}", "dim"))


def _curves(figure: Any, width: int) -> Iterator[Line]:
    room = width - NAME - VALUE - 2
    curves = [curve for curve in figure["curves"] if len(curve["x"])]
    if room < 10 or not curves:
        return
    low, high = min(c["x"][0] for c in curves), max(c["x"][-1] for c in curves)
    for curve in curves[:MAX_CURVES]:
        name = figure["title"] if len(curves) == 1 else f"{figure['title']}: {curve['name']}"
        line = _spark(_pooled(_numbers(curve["x"]), _numbers(curve["y"]), low, high, room))
        known = [value for value in curve["y"] if value is not None]
        newest = f"{known[-1]:.4g}" if known else "-"
        yield _row(name, (line, _ROLES.get(curve["role"], "")), newest)
    if len(curves) > MAX_CURVES:
        yield ((f"{'':{NAME}} and {len(curves) - MAX_CURVES} more of {clean(figure['title'])}", "dim"),)


def _strips(figure: Any, width: int) -> Iterator[Line]:
    room, names = width - NAME - VALUE - 2, figure["rows"]
    if room < 10 or not names or not figure["columns"]:
        return
    codes = np.frombuffer(base64.b64decode(figure["cells"]), np.uint8).reshape(-1, len(names)).T
    scale = figure["scale"]
    ends = f"from {scale['low']:.3g} (light) to {scale['high']:.3g} (full)"
    yield ((f"{clean(figure['title'])}: ", "bold"), (ends, "dim"))
    chosen = np.unique(np.linspace(0, len(names) - 1, min(MAX_ROWS, len(names))).round().astype(int))
    x = _numbers(figure["columns"])
    for row in chosen.tolist():
        values = codes[row].astype(np.float64)
        values[codes[row] == EMPTY] = np.nan
        pooled = _pooled(x, values, x[0], x[-1], room)
        yield _row(names[row], ("".join(_shade(value) for value in pooled.tolist()), ""), "")
    if len(names) > len(chosen):
        yield ((f"{'':{NAME}} {len(chosen)} of {len(names)} rows", "dim"),)


def _row(name: str, drawn: Span, newest: str) -> Line:
    shown = _cut(name, NAME - 1)
    return ((shown + " " * (NAME - cells(shown)), "dim"), drawn, (f" {newest}", "bold" if newest else ""))


def _pooled(x: Values, y: Values, low: float, high: float, width: int) -> Values:
    """One value a column: the one farthest from the median of all, so that a spike of one step is seen [width]."""
    column = np.clip(((x - low) / max(high - low, 1e-12) * width).astype(int), 0, width - 1)
    usual = float(np.nanmedian(y)) if np.isfinite(y).any() else 0.0
    found = np.full(width, np.nan)
    for at, value in zip(column.tolist(), y.tolist(), strict=True):
        if value == value and not abs(found[at] - usual) >= abs(value - usual):
            found[at] = value
    return found


def _spark(values: Values) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return ""
    low, span = float(known.min()), float(known.max() - known.min())
    steps = [7 if span == 0 else round((v - low) / span * 7) if v == v else -1 for v in values.tolist()]
    return "".join(BARS[step] if step >= 0 else " " for step in steps)


def _shade(code: float) -> str:
    if code != code:
        return " "
    if code == NON_FINITE:
        return BROKEN
    return SHADES[1 + round((code - FIRST_LEVEL) / (LAST_LEVEL - FIRST_LEVEL) * (len(SHADES) - 2))]


def _numbers(values: Sequence[Any]) -> Values:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _cut(text: str, width: int) -> str:
    shown = clean(text)
    return shown if cells(shown) <= width else "…" + shown[-(width - 1) :]
