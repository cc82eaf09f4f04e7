"""The few statistics that checks share. All are pure and work on small arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import LayerSeries, Series

# A normal distribution's MAD times this is its std.
MAD_TO_STD = 1.4826


@dataclass(frozen=True, slots=True)
class Stretch:
    """A layer that stayed beyond a limit: since which step, until which, and its median value there."""

    layer: str
    since: int
    until: int
    value: float


def stretches(
    series: LayerSeries, *, above: float | None = None, below: float | None = None, patience: int
) -> Iterator[Stretch]:
    """The layers whose value is beyond a limit over the last `patience` steps, to the end of the run.

    Only the stretch that reaches the last recorded value counts: what healed itself is no finding.
    """
    for layer, one in series.items():
        if len(one) < 2:
            continue
        beyond = np.ones(len(one), dtype=bool)
        if above is not None:
            beyond &= one.values > above
        if below is not None:
            beyond &= one.values < below
        if not beyond[-1]:
            continue
        good = np.flatnonzero(~beyond)
        first = int(good[-1]) + 1 if len(good) else 0
        since, until = int(one.steps[first]), int(one.steps[-1])
        if until - since >= patience:
            yield Stretch(layer, since, until, float(np.median(one.values[first:])))


def smooth(values: npt.NDArray[np.float64], window: int) -> npt.NDArray[np.float64]:
    """Means of consecutive windows; a last shorter window is dropped. [n] -> [n // window]."""
    count = len(values) // max(window, 1)
    return values[: count * window].reshape(count, window).mean(axis=1) if count else values


def robust_spread(values: npt.NDArray[np.float64]) -> float:
    """Std estimated by the median absolute deviation."""
    if len(values) == 0:
        return 0.0
    return float(MAD_TO_STD * np.median(np.abs(values - np.median(values))))


def noise(values: npt.NDArray[np.float64]) -> float:
    """Std of the noise around a slow trend, from the differences of neighbours."""
    if len(values) < 3:
        return 0.0
    return float(robust_spread(np.diff(values)) / np.sqrt(2.0))


@dataclass(frozen=True, slots=True)
class Change:
    """Mean of the first and last parts of a series, and their difference in standard errors."""

    first: float
    last: float
    z: float

    @property
    def relative(self) -> float:
        """Fall (positive) or rise (negative) as a share of the first mean's size."""
        return (self.first - self.last) / max(abs(self.first), 1e-12)


def change(series: Series, *, share: float = 0.1) -> Change | None:
    """Compare the first and the last `share` of the finite values; None for fewer than 8 values."""
    values = series.finite().values
    if len(values) < 8:
        return None
    n = max(3, int(len(values) * share))
    first, last = values[:n], values[-n:]
    error = float(np.hypot(first.std(ddof=1), last.std(ddof=1)) / np.sqrt(n))
    difference = float(first.mean() - last.mean())
    return Change(
        float(first.mean()),
        float(last.mean()),
        difference / error if error > 0 else np.inf * np.sign(difference) if difference else 0.0,
    )


def slope(series: Series) -> tuple[float, float]:
    """Least-squares slope per step and its standard error (residuals taken as independent)."""
    x, y = series.steps.astype(float), series.values
    if len(x) < 3 or np.ptp(x) == 0:
        return 0.0, np.inf
    x = x - x.mean()
    b = float((x * (y - y.mean())).sum() / (x * x).sum())
    residual = y - y.mean() - b * x
    return b, float(np.sqrt((residual**2).sum() / max(len(x) - 2, 1) / (x * x).sum()))


def number(record: Mapping[str, Any], field: str) -> float | None:
    """A finite number in a field of a record; None where it is missing, not finite, or no number."""
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if np.isfinite(value) else None
