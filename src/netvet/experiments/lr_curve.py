"""The curve of a learning-rate range test: smoothing, slope, valley. Numbers only; nothing here trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Decades of the rate over which the curve is averaged: a quarter is a factor of 1.8, finer than any rate is tuned.
WIDTH = 0.25
# Points on which the smooth curve is given, per decade.
DENSITY = 10
# A valley is this many standard errors deep. The errors are those of the deepest of many places, so that chance alone
# reaches three of them.
DEEP = 4.0
# The descent has begun where it is half as steep as at its steepest.
BEGUN = 0.5


@dataclass(frozen=True)
class Curve:
    """Change of the loss against the rate.

    Args:
        rates: learning rates [points], rising.
        change: smoothed loss, less that of untouched weights on the same batches [points].
        error: standard error of `change` [points].
    """

    rates: Floats
    change: Floats
    error: Floats

    @property
    def slope(self) -> Floats:
        """Of the change against the decimal logarithm of the rate [points]."""
        found: Floats = np.gradient(self.change, np.log10(self.rates))
        return found

    def record(self) -> dict[str, Any]:
        """JSON types."""
        return {name: getattr(self, name).tolist() for name in ("rates", "change", "error", "slope")}


@dataclass(frozen=True)
class Valley:
    """Where the loss falls: `low` to `high` are the good rates, `steepest` is where it falls fastest."""

    low: float
    steepest: float
    high: float
    depth: float


def smooth(rates: Sequence[float], changes: Sequence[Sequence[float]]) -> Curve | None:
    """Average range tests over neighbouring rates and over seeds.

    Args:
        rates: of each step [steps].
        changes: of each seed, as many steps as it lasted [seeds][<= steps]; what is no number ends it.

    Returns:
        The curve up to the rate that every seed has reached before the loss leaps; None for fewer than five steps.

    A weighted line is fitted around each point (Cleveland 1979, one pass), so that a steady descent is not bent.
    """
    last = min((_finite(values) for values in changes), default=0)
    if last < 5:
        return None
    x = np.log10(np.asarray(rates[:last], dtype=np.float64))
    rows = np.array([values[:last] for values in changes], dtype=np.float64)
    kept = _before_leap(rows.mean(axis=0))
    x, rows = x[:kept], rows[:, :kept]
    points = np.linspace(x[0], x[-1], max(5, round(DENSITY * (x[-1] - x[0])) + 1))
    reach = max(WIDTH, 2 * float(x[1] - x[0]))
    fits = [_local(x, rows, point, reach) for point in points]
    return Curve(10**points, np.array([f[0] for f in fits]), np.array([f[1] for f in fits]))


def _before_leap(change: Floats) -> int:
    """How many steps there are until the loss, past its lowest, stands as far above its start as it fell below.

    What comes then says nothing of the rates before it, and would reach into them.
    """
    least = np.minimum.accumulate(change)
    leapt = np.flatnonzero((change > -least) & (least < 0) & (np.arange(len(change)) > np.argmin(change)))
    return max(5, int(leapt[0]) if len(leapt) else len(change))


def _finite(values: Sequence[float]) -> int:
    return next((i for i, value in enumerate(values) if not math.isfinite(value)), len(values))


def _local(x: Floats, rows: Floats, point: float, reach: float) -> tuple[float, float]:
    """Value of a weighted line at a point, and its standard error from what the line leaves over."""
    weight = np.exp(-0.5 * ((x - point) / reach) ** 2)
    weight /= weight.sum()
    away = x - float(weight @ x)
    spread = float(weight @ away**2)
    row = weight * (1 + (point - float(weight @ x)) * away / max(spread, 1e-12))  # the value is linear in the losses
    values = rows @ row
    middle = rows.mean(axis=0)
    line = float(weight @ middle) + away * float(weight @ (away * middle)) / max(spread, 1e-12)
    noise = float(weight @ ((rows - line) ** 2).mean(axis=0)) * float(row @ row) / len(rows)
    between = float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0
    return float(np.median(values) if len(values) > 2 else values.mean()), math.sqrt(max(noise, between))


def valley_of(curve: Curve) -> Valley | None:
    """The valley of a curve; None where the loss falls nowhere by more than chance lets it."""
    bottom = int(np.argmin(curve.change))
    depth = -float(curve.change[bottom])
    # Where the loss leaps, errors are large: somewhere on the way down the fall must be clear.
    errors = np.maximum(curve.error, np.median(curve.error[: bottom + 1]))[: bottom + 1]
    if bottom == 0 or not bool((-curve.change[: bottom + 1] > DEEP * errors).any()):
        return None
    slope = curve.slope
    steepest = int(np.argmin(slope[: bottom + 1]))
    begun = np.flatnonzero(slope[: steepest + 1] > BEGUN * slope[steepest])
    low = int(begun[-1]) + 1 if len(begun) else 0
    first, middle, last = (float(curve.rates[i]) for i in (min(low, steepest), steepest, bottom))
    return Valley(first, middle, last, depth)
