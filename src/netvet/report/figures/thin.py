"""Long series made short without losing a spike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from netvet.core import Facts, LayerSeries, Series
from netvet.report.figures.spec import Curve, numbers
from netvet.signals import SIGNALS

if TYPE_CHECKING:
    from netvet.report.figures import Source
    from netvet.store import Thinned

Role = Literal["train", "val", "reference", "limit", "helped", "worse", "other"]
Steps = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
# Columns of a picture: about the device pixels of a wide one.
COLUMNS = 800
# A signal of more values than this, all its series together, is read as roll-ups: it is then some 50 ms to decode.
MANY = 200_000
# Of the store: the finer one has some two values a column in runs of 20,000 steps.
FINE, COARSE = 16, 256


@dataclass(frozen=True, slots=True)
class Buckets:
    """A series as buckets of one or more successive values.

    Attributes:
        steps: of the first value of each, int64 [n].
        count: finite values in each, int64 [n]; of roll-ups, all values.
        low: lowest finite value of each, float64 [n]; NaN where there is none. `high`, `mean`: the same.
        wrong: a value of it is NaN or infinite, bool [n]; of roll-ups, where its extremes or its last value show it.
    """

    steps: Steps
    count: Steps
    low: Values
    high: Values
    mean: Values
    wrong: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.steps)

    @classmethod
    def of(cls, series: Series) -> Buckets:
        """Each value is a bucket."""
        finite = np.isfinite(series.values)
        values = np.where(finite, series.values, np.nan)
        return cls(series.steps, finite.astype(np.int64), values, values, values, ~finite)

    @classmethod
    def of_rollup(cls, rows: Thinned) -> Buckets:
        """The extremes and means of a roll-up."""
        ends = np.stack([rows.minimum, rows.maximum, rows.mean])
        wrong = np.asarray(~np.isfinite(np.vstack([ends, rows.last])).all(axis=0))
        low, high, mean = np.where(np.isfinite(ends), ends, np.nan)
        # A bucket with both infinities and no more has no finite extreme; with one, the other end and the mean may be.
        return cls(rows.steps, rows.count, np.fmin(low, high), np.fmax(low, high), np.fmin(mean, high), wrong)

    def joined(self, column: Steps) -> Buckets:
        """Put together: one bucket for each of the successive equal numbers in `column` [n]."""
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        if len(starts) == len(self):
            return self
        known = ~np.isnan(self.mean)
        weights = np.where(known, self.count, 0)
        total = np.add.reduceat(weights, starts)
        sums = np.add.reduceat(np.where(known, self.mean * weights, 0.0), starts)
        with np.errstate(invalid="ignore"):
            mean = sums / np.where(total > 0, total, np.nan)
        return Buckets(
            self.steps[starts], np.add.reduceat(self.count, starts), np.fmin.reduceat(self.low, starts),
            np.fmax.reduceat(self.high, starts), mean, np.logical_or.reduceat(self.wrong, starts),
        )  # fmt: skip


def series_of(source: Source, signal: str) -> Mapping[str, Series]:
    """All series of a signal by name; empty if it was not recorded."""
    found = source.get(signal)
    if isinstance(found, Series):
        return {"(all)": found}
    return found if isinstance(found, LayerSeries) else {}


def buckets_of(source: Source, signal: str) -> dict[str, Buckets]:
    """All series of a signal by name, as exact as their picture needs; empty if it was not recorded.

    Long ones are read as roll-ups that are no wider than a column.
    """
    # What ranks recorded apart is put together only from whole series.
    if not isinstance(source.get("ranks"), Facts):
        # Of what is not recorded at every step, coarse roll-ups would be too wide even in the longest runs.
        every_step = signal in SIGNALS and SIGNALS[signal].cost == "step"
        for factor in (COARSE, FINE) if every_step else (FINE,):
            rows = source.thinned(signal, factor)
            if sum(int(one.count.sum()) for one in rows.values()) <= MANY:
                break
            if all(narrow(one.steps) for one in rows.values()):
                return {name: Buckets.of_rollup(one) for name, one in rows.items()}
    return {name: Buckets.of(one) for name, one in series_of(source, signal).items()}


def narrow(steps: Steps) -> bool:
    """Whether buckets that begin at these steps are no wider than a column."""
    return len(steps) < 2 or float(np.median(np.diff(steps))) <= width_of(steps)


def width_of(steps: Steps, columns: int = COLUMNS) -> int:
    """Steps in a column: the least power of two with which all steps have a column.

    A power of two, and counted from step 0, so that the columns of a run that grows stay what they are until their
    number has doubled.
    """
    last = int(steps.max()) + 1 if len(steps) else 1
    return 1 << max(0, int(np.ceil(np.log2(max(last / columns, 1)))))


def curve(name: str, series: Series | Buckets, role: Role, columns: int = COLUMNS) -> Curve:
    """A series as a curve: mean and extremes of each column where there are more values than columns."""
    shown = Buckets.of(series) if isinstance(series, Series) else series
    width = width_of(shown.steps, columns)
    steps = shown.steps
    if width > 1 and len(shown) > columns:
        shown = shown.joined(steps // width)
        steps = shown.steps // width * width
    drawn: Curve = {"name": name, "x": steps.tolist(), "y": numbers(shown.mean), "role": role, "style": "line"}
    if (shown.count > 1).any():
        drawn["low"], drawn["high"] = numbers(shown.low), numbers(shown.high)
    if (partly := shown.wrong & ~np.isnan(shown.mean)).any():
        drawn["broken"] = steps[partly].tolist()
    return drawn


def scaled(one: Buckets, factor: float) -> Buckets:
    """The same in another unit."""
    return replace(one, low=one.low * factor, high=one.high * factor, mean=one.mean * factor)
