"""Long series made short without losing a spike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from netvet.core import LayerSeries, Series
from netvet.report.figures.spec import Curve, numbers

if TYPE_CHECKING:
    from netvet.report.figures import Source

Role = Literal["train", "val", "reference", "limit", "helped", "worse", "other"]
# Columns of a picture: about the device pixels of a wide one.
COLUMNS = 800
# A series of more values than this is read as roll-ups by 16.
LONG = 20_000


def series_of(source: Source, signal: str) -> Mapping[str, Series]:
    """All series of a signal by name; empty if it was not recorded."""
    found = source.get(signal)
    if isinstance(found, Series):
        return {"(all)": found}
    return found if isinstance(found, LayerSeries) else {}


def width_of(steps: npt.NDArray[np.int64], columns: int = COLUMNS) -> int:
    """Steps in a column: the least power of two with which all steps have a column.

    A power of two, and counted from step 0, so that the columns of a run that grows stay what they are until their
    number has doubled.
    """
    last = int(steps.max()) + 1 if len(steps) else 1
    return 1 << max(0, int(np.ceil(np.log2(max(last / columns, 1)))))


def curve(name: str, series: Series, role: Role, columns: int = COLUMNS) -> Curve:
    """A series as a curve: mean and extremes of each column where there are more values than columns."""
    steps, values = series.steps, series.values
    width = width_of(steps, columns)
    if width == 1 or len(steps) <= columns:
        return {"name": name, "x": steps.tolist(), "y": numbers(values), "role": role, "style": "line"}
    column = steps // width
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    finite = np.isfinite(values)
    count = np.add.reduceat(finite.astype(float), starts)
    with np.errstate(invalid="ignore"):
        mean = np.add.reduceat(np.where(finite, values, 0.0), starts) / np.where(count > 0, count, np.nan)
    low = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
    return {
        "name": name, "x": (column[starts] * width).tolist(), "y": numbers(mean), "low": numbers(low),
        "high": numbers(high), "role": role, "style": "line",
    }  # fmt: skip
