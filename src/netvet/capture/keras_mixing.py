"""Whether a Keras model mixes the samples of a batch. Records `batch_mixing`."""

from __future__ import annotations

import numpy as np

from netvet.capture.keras_backends import Array
from netvet.capture.keras_training import Training

# Rows that are changed, one at a time; and a change of another that is no rounding, in units of the spread.
CHANGED, TOLERANCE = 3, 1e-4
MAX_ELEMENTS = 20_000_000


def batch_mixing(training: Training) -> None:
    """Record `batch_mixing`: in evaluation mode, with one sample at a time in place of another."""
    plan = training.first
    if plan is None or not plan.batches:
        return
    batch = plan.batches[0]
    x = batch[0] if isinstance(batch, (tuple, list)) else batch
    arrays = training.arrays(x)
    count = len(arrays[0]) if arrays and arrays[0].ndim else 0
    if count < 3 or any(a.ndim == 0 or len(a) != count for a in arrays) or sum(a.size for a in arrays) > MAX_ELEMENTS:
        training.recorder.missing("batch_mixing", "the inputs have no axis of samples")
        return

    def put_out(changed: list[Array]) -> list[Array]:
        return training.sandbox.outputs(plan.trainable, plan.others, training.structured(changed))

    base, again = put_out(arrays), put_out(arrays)
    rows = all(o.ndim and len(o) == count for o in base)
    if not rows or any(not np.array_equal(a, b) for a, b in zip(base, again, strict=True)):
        training.recorder.missing(
            "batch_mixing", "the outputs have no row for each sample, or differ from call to call"
        )
        return
    pairs: list[list[int]] = []
    for i in range(CHANGED):
        other = (i + count // 2) % count
        changed = [np.array(a) for a in arrays]
        for array in changed:
            array[i] = array[other]
        moved = _moved(base, put_out(changed))
        pairs += [[int(j), i] for j in np.flatnonzero(moved) if j != i]
    training.recorder.facts("batch_mixing", [{
        "model": training.names.model, "axis": 0, "mixed": len(pairs) / (CHANGED * (count - 1)),
        "pair": pairs[0] if pairs else None, "mode": "eval", "legal": None, "op": None,
        "module": None, "structure": None, "file": None, "line": None,
    }])  # fmt: skip


def _moved(base: list[Array], now: list[Array]) -> Array:
    """Which samples have other outputs. [samples]: bool."""
    moved = np.zeros(len(base[0]), dtype=bool)
    for old, new in zip(base, now, strict=True):
        wide = old.astype(np.float64).reshape(len(old), -1)
        scale = float(wide.std()) or float(np.abs(wide).max()) or 1.0
        moved |= np.abs(new.astype(np.float64).reshape(len(old), -1) - wide).max(1) > TOLERANCE * scale
    return moved
