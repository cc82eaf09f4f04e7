"""Figures as plain JSON types: one specification for the HTML report, the notebook and the live page.

Python decides what is drawn, `report/page/js` how. Each kind of figure is one class here, one script there, and every
figure can be read as a table. Arrays hold None where there is no number: JSON knows no NaN.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

Panel = Literal["training", "layers", "predictions", "data", "model", "experiments", "fixes", "cost"]
# In the order in which the page shows them.
PANELS: dict[Panel, str] = {
    "training": "Training",
    "layers": "Layers",
    "predictions": "Predictions",
    "data": "Data",
    "model": "Model",
    "experiments": "Experiments",
    "fixes": "Fixes",
    "cost": "Cost",
}
# On an axis of this unit the page marks the steps of findings.
STEPS = "steps"
# Codes of the cells of a heat map: nothing there, not a finite number, and from here on the levels of its scale.
EMPTY, NON_FINITE, FIRST_LEVEL, LAST_LEVEL = 0, 1, 2, 255


class Axis(TypedDict):
    """An axis: what it shows, in which unit (`steps`, `1`, `loss`, `s`, ...), `linear` or `log`."""

    label: str
    unit: str
    scale: Literal["linear", "log"]


class Group(TypedDict):
    """What several figures belong to, such as an experiment: its name, its outcome in a word, and in a sentence."""

    name: str
    outcome: str
    message: str


class Base(TypedDict):
    """What all figures have.

    Attributes:
        id: unique on a page, in kebab-case; part of addresses.
        title: a noun with its quantity. `about`: one sentence: what is seen, and what a healthy one looks like.
        signals: names of the signals that are shown, so that findings made from them find their picture.
        panel: filled in from the table of figures.
        checks: where the figure speaks for these alone, whatever signals they share: names, the likeliest first.
        proof: it is there only where one of these checks has fired.
        group: that it is folded into; those that have failed are open.
    """

    id: str
    title: str
    about: str
    signals: list[str]
    panel: NotRequired[str]
    checks: NotRequired[list[str]]
    proof: NotRequired[bool]
    group: NotRequired[Group]


class Curve(TypedDict):
    """One line: `x` and `y` [n]; a band from `low` to `high` [n] where there are; `role` fixes its colour.

    `parameter` and others of one role are told apart by shade and dash. Thinned curves have the mean of each bucket
    as `y` and its extremes as the band, so that no spike is lost; `broken`: those of `x` whose bucket also holds a
    value that is not finite.
    """

    name: str
    x: list[float]
    y: list[float | None]
    low: NotRequired[list[float | None]]
    high: NotRequired[list[float | None]]
    broken: NotRequired[list[float]]
    role: Literal["train", "val", "reference", "limit", "helped", "worse", "other"]
    style: Literal["line", "points", "dash"]


class Mark(TypedDict):
    """A vertical line at `x` with a word."""

    x: float
    label: str
    severity: Literal["error", "warning", "note", "best"]


class Lines(Base):
    """Curves over one axis."""

    kind: Literal["lines"]
    x: Axis
    y: Axis
    curves: list[Curve]
    marks: list[Mark]


class Scale(TypedDict):
    """What the levels of a heat map mean: from `low` to `high`, evenly, or evenly in the logarithm."""

    label: str
    unit: str
    scale: Literal["linear", "log"]
    low: float
    high: float


class Heat(Base):
    """Rows x columns of one number as colour.

    Attributes:
        rows: name of each row. x: the axis of the columns; `columns`: where each begins, [m].
        cells: base64 of one byte a cell (codes above), column after column, so that a growing figure only grows.
        choices: other figures of the same rows and kind that one may switch to are those with the same `family`.
    """

    kind: Literal["heat"]
    rows: list[str]
    x: Axis
    columns: list[float]
    cells: str
    scale: Scale
    family: str


class Bars(Base):
    """Bars by category (`categories` [k]) or of a histogram (`edges` [k + 1])."""

    kind: Literal["bars"]
    x: Axis
    y: Axis
    categories: list[str]
    edges: list[float]
    series: list[Bar]


class Bar(TypedDict):
    """The heights [k] of one series of bars, and the interval of each from `low` to `high` [k] where there is one."""

    name: str
    values: list[float | None]
    low: NotRequired[list[float | None]]
    high: NotRequired[list[float | None]]
    role: Literal["train", "val", "reference", "helped", "worse", "other"]


class Pixels(TypedDict):
    """A picture: base64 of `height * width * channels` bytes; 1 (grey) or 3 channels."""

    width: int
    height: int
    channels: int
    data: str


class Item(TypedDict):
    """A sample: its picture or text, and what is said of it; `wrong`: the prediction is not the label."""

    pixels: Pixels | None
    text: str
    label: str
    prediction: str
    note: str
    wrong: bool


class Images(Base):
    """Samples side by side; `predicted`: the word for what stands beside the label, where it is no prediction."""

    kind: Literal["images"]
    predicted: NotRequired[str]
    items: list[Item]


class Matrix(Base):
    """A small table of numbers as colour and text, rows x columns; `diagonal`: the right answers are there."""

    kind: Literal["matrix"]
    row_axis: str
    column_axis: str
    rows: list[str]
    columns: list[str]
    values: list[list[float | None]]
    unit: str
    diagonal: bool


class Cloud(TypedDict):
    """Points of one group: `x`, `y`, `names` [n]."""

    name: str
    x: list[float]
    y: list[float]
    names: list[str]
    role: Literal["train", "val", "reference", "worse", "other"]


class Points(Base):
    """Points over two axes; with `diagonal`, the line on which both are equal."""

    kind: Literal["points"]
    x: Axis
    y: Axis
    clouds: list[Cloud]
    diagonal: bool


class Node(TypedDict):
    """A module or operation; `value` is a short text in it, `notes` what is told when it is chosen.

    `here`: the check that blames it, which is written in it in place of the value; `told`: the value stays beside it.
    """

    id: str
    label: str
    group: str
    health: Literal["healthy", "note", "warning", "error", "unknown"]
    value: str
    notes: list[str]
    here: NotRequired[str]
    told: NotRequired[bool]


class Graph(Base):
    """What computes what: edges point from input to output; a broken one lets no gradient back.

    `broken`: what broken edges mean instead, in the legend.
    """

    kind: Literal["graph"]
    nodes: list[Node]
    edges: list[Edge]
    broken: NotRequired[str]


class Edge(TypedDict):
    """An edge between two nodes; `broken` where no gradient passes; `here`: the check that blames it."""

    source: str
    target: str
    broken: bool
    here: NotRequired[str]


class Table(Base):
    """A plain table."""

    kind: Literal["table"]
    columns: list[str]
    rows: list[list[str | float | None]]


class Choice(Base):
    """Figures of one kind, one for each name of a parameter or layer (`subject`), of which one is shown at a time."""

    kind: Literal["choice"]
    subject: str
    names: list[str]
    figures: list[Heat]


Figure = Lines | Heat | Bars | Images | Matrix | Points | Graph | Table | Choice


def axis(label: str, unit: str = "1", *, log: bool = False) -> Axis:
    """An axis."""
    return {"label": label, "unit": unit, "scale": "log" if log else "linear"}


def steps_axis() -> Axis:
    """The axis of training steps."""
    return axis("optimizer steps", STEPS)


def numbers(values: Iterable[Any]) -> list[float | None]:
    """Numbers for JSON, rounded to 6 digits: what is not finite becomes None."""
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in np.asarray(list(values), dtype=np.float64).tolist()]


def pixels(picture: npt.NDArray[np.uint8]) -> Pixels:
    """A picture [h, w], [h, w, 1] or [h, w, 3] of bytes."""
    height, width = picture.shape[:2]
    channels = picture.shape[2] if picture.ndim == 3 else 1
    return {"width": width, "height": height, "channels": channels, "data": encoded(picture)}


def encoded(values: npt.NDArray[np.uint8]) -> str:
    """Bytes as base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def levels(values: npt.NDArray[np.float64], scale: Scale) -> npt.NDArray[np.uint8]:
    """The codes of cells: NaN is empty, infinities are not finite; zeros of a log scale have the lowest level."""
    low, high, shown = scale["low"], scale["high"], values
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale["scale"] == "log":
            low, high, shown = np.log(low), np.log(high), np.log(np.maximum(values, 0))
        share = (shown - low) / (high - low) if high > low else np.zeros_like(shown)
    codes = FIRST_LEVEL + np.clip(np.nan_to_num(share), 0, 1) * (LAST_LEVEL - FIRST_LEVEL)
    codes = np.where(np.isinf(values), NON_FINITE, np.round(codes))
    found: npt.NDArray[np.uint8] = np.where(np.isnan(values), EMPTY, codes).astype(np.uint8)
    return found


def heat(
    base: Base,
    rows: Sequence[str],
    columns: Sequence[float],
    values: npt.NDArray[np.float64],
    scale: Scale,
    *,
    family: str,
    x: Axis | None = None,
) -> Heat:
    """A heat map of values [rows, columns]."""
    return {
        **base, "kind": "heat", "rows": list(rows), "x": x or steps_axis(), "columns": [float(c) for c in columns],
        "cells": encoded(levels(values, scale).T), "scale": scale, "family": family,
    }  # fmt: skip
