"""What is told of arrays of numbers, whatever framework they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# Different values are counted up to here, among so many elements.
MAX_DISTINCT, MAX_COMPARED = 1_000, 100_000
# Rows of probabilities sum to one within rounding: 50,000 float32 classes stay below this.
ROUNDING = 1e-4

Array = npt.NDArray[Any]


def summary(values: Array) -> dict[str, Any]:
    """`{shape, dtype, min, max, mean, std, nonfinite, integral, distinct}`; without numbers where there are none."""
    record: dict[str, Any] = {"shape": list(values.shape), "dtype": str(values.dtype)}
    if values.size == 0 or values.dtype.kind not in "biufV":
        return record
    flat = values.reshape(-1).astype(np.float64)
    good = flat[np.isfinite(flat)]
    record["nonfinite"] = int(flat.size - good.size)
    if good.size:
        record |= {"min": float(good.min()), "max": float(good.max()), "mean": float(good.mean())}
        record |= {"std": float(good.std()), "integral": bool((good == np.round(good)).all())}
        record["distinct"] = min(len(np.unique(flat[:MAX_COMPARED])), MAX_DISTINCT)
    return record


def share_of_distributions(values: Array, axis: int) -> float:
    """Share of the rows along an axis that are probabilities: none negative, and a sum of one."""
    wide = values.astype(np.float64)
    inside = (wide.min(axis) >= 0) & (wide.max(axis) <= 1 + ROUNDING)
    return float((inside & (np.abs(wide.sum(axis) - 1) < ROUNDING)).mean())


def share_of_log_distributions(values: Array, axis: int) -> float:
    """Share of the rows along an axis whose exponentials sum to one."""
    wide = values.astype(np.float64)
    top = wide.max(axis, keepdims=True)
    with np.errstate(all="ignore"):
        total = np.log(np.exp(wide - top).sum(axis)) + top.squeeze(axis)
    return float((np.abs(total) < ROUNDING).mean())


class Moments:
    """Count, sum, sum of squares, smallest and largest of finite numbers, taken in piece by piece."""

    def __init__(self) -> None:
        self.n, self.total, self.squares = 0, 0.0, 0.0
        self.low, self.high = float("inf"), float("-inf")

    def add(self, values: Array) -> None:
        """Take in numbers; what is not finite is left out."""
        flat = values.reshape(-1).astype(np.float64)
        flat = flat[np.isfinite(flat)]
        if flat.size:
            self.n += flat.size
            self.total, self.squares = self.total + float(flat.sum()), self.squares + float(np.square(flat).sum())
            self.low, self.high = min(self.low, float(flat.min())), max(self.high, float(flat.max()))

    @property
    def mean(self) -> float:
        """Mean; there must be a number."""
        return self.total / self.n

    @property
    def std(self) -> float:
        """Standard deviation; there must be a number."""
        return float(np.sqrt(max(self.squares / self.n - self.mean**2, 0.0)))
