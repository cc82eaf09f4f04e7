"""Numbers in short, in NumPy: the summary of an array that records of signals hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MAX_DISTINCT = 1_000
MAX_COMPARED = 100_000


def summary(array: npt.NDArray[Any]) -> dict[str, Any]:
    """Shape, dtype and what the values are like; see `netvet.signals`."""
    record: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    values = array.reshape(-1)
    values = values.astype(np.float64) if values.dtype.kind in "fiub" else values[:0].astype(np.float64)
    good = values[np.isfinite(values)]
    record["nonfinite"] = len(values) - len(good)
    if len(good):
        record |= {
            "min": float(good.min()), "max": float(good.max()), "mean": float(good.mean()), "std": float(good.std()),
            "integral": bool((good == np.round(good)).all()),
            "distinct": min(len(np.unique(good[:MAX_COMPARED])), MAX_DISTINCT),
        }  # fmt: skip
    return record


def place(site: tuple[str, int] | None, prefix: str = "") -> dict[str, Any]:
    """The fields of a record that name a line."""
    return {f"{prefix}file": site[0] if site else None, f"{prefix}line": site[1] if site else None}
