"""What enters a Keras model. Records `inputs`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.capture.keras_backends import Array
from netvet.capture.recorder import Recorder
from netvet.capture.site import Site
from netvet.capture.summaries import place, summary

# The contract of the signal: features listed, features watched for never varying.
MAX_LISTED, MAX_FEATURES = 256, 100_000
MAX_INDICES, MIN_SAMPLES = 10, 16
Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Seen:
    record: dict[str, Any]
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    samples: int = 0
    features: list[Floats] | None = None
    rows: float = 0.0
    extent: list[Array] | None = None


class Inputs:
    """Records `inputs`, one record for each input and phase."""

    def __init__(self, recorder: Recorder, model: str) -> None:
        self._recorder, self._model = recorder, model
        self._seen: dict[tuple[int, str], _Seen] = {}

    def add(self, step: int, phase: str, arrays: list[Array], site: Site | None, embedding_rows: int | None) -> None:
        """Take in the inputs of one batch, [samples, ...] each."""
        for position, array in enumerate(arrays):
            seen = self._seen.get((position, phase))
            if seen is None:
                record = {"model": self._model, "position": position, "phase": phase, **place(site)}
                record |= {"batch": len(array) if array.ndim else None, "embedding_rows": None, "non_embedding": None}
                record |= {"first_nonfinite_step": None, "first_nonfinite_samples": None}
                if array.dtype.kind in "iu" and embedding_rows:
                    record |= {"embedding_rows": embedding_rows, "non_embedding": False}
                seen = self._seen[position, phase] = _Seen(record | summary(array) | {"nonfinite": 0})
            seen.samples += len(array) if array.ndim else 1
            if array.dtype.kind in "fiub" and array.size:
                _measure(seen, array, step)

    def report(self) -> None:
        """Write all records."""
        if self._seen:
            self._recorder.facts("inputs", [_result(seen) for seen in self._seen.values()])


def _measure(seen: _Seen, array: Array, step: int) -> None:
    record, values = seen.record, array.reshape(-1).astype(np.float64)
    good = np.isfinite(values)
    if not good.all():
        record["nonfinite"] += int((~good).sum())
        if record["first_nonfinite_step"] is None:
            rows = ~np.isfinite(array.reshape(len(array), -1).astype(np.float64)).all(1)
            record["first_nonfinite_step"] = step
            record["first_nonfinite_samples"] = [int(i) for i in np.flatnonzero(rows)[:MAX_INDICES]]
        values = values[good]
        if not len(values):
            return
    record["min"] = min(record.get("min", np.inf), float(values.min()))
    record["max"] = max(record.get("max", -np.inf), float(values.max()))
    record["integral"] = bool(record.get("integral", True) and (values == np.round(values)).all())
    n, total, squares = seen.sums
    seen.sums = [n + len(values), total + float(values.sum()), squares + float((values * values).sum())]
    if good.all() and array.ndim > 1:
        _features(seen, array)


def _features(seen: _Seen, array: Array) -> None:
    """Mean and std of each feature or channel, which come last, and the range of each value of a sample."""
    if array.shape[-1] <= MAX_LISTED and array.dtype.kind == "f":
        wide = array.astype(np.float64).reshape(-1, array.shape[-1])
        both = [wide.sum(0), (wide * wide).sum(0)]
        if seen.features is None or seen.features[0].shape != both[0].shape:
            seen.features, seen.rows = [np.zeros_like(both[0])] * 2, 0.0
        seen.features = [a + b for a, b in zip(seen.features, both, strict=True)]
        seen.rows += len(wide)
    flat = array.reshape(len(array), -1)[:, :MAX_FEATURES]
    low, high = flat.min(0), flat.max(0)
    if seen.extent is None:
        seen.extent = [low, high]
    elif seen.extent[0].shape == low.shape:
        seen.extent = [np.minimum(seen.extent[0], low), np.maximum(seen.extent[1], high)]
    else:  # the samples vary in length: there are no fixed features
        seen.extent = [low[:0], high[:0]]


def _result(seen: _Seen) -> dict[str, Any]:
    record, (n, total, squares) = dict(seen.record), seen.sums
    record["samples"] = seen.samples
    if n:
        mean = total / n
        record |= {"mean": mean, "std": max(squares / n - mean * mean, 0.0) ** 0.5}
    if seen.features is not None and seen.rows:
        means = seen.features[0] / seen.rows
        stds = np.sqrt(np.clip(seen.features[1] / seen.rows - means * means, 0, None))
        record |= {"feature_mean": means.tolist(), "feature_std": stds.tolist()}
    if seen.extent is not None and len(seen.extent[0]) and seen.samples >= MIN_SAMPLES:
        constant = int((seen.extent[0] == seen.extent[1]).sum())
        record |= {"constant_features": constant, "features": len(seen.extent[0])}
    return record
