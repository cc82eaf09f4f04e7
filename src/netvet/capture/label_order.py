"""How ordered the targets of a training come: within neighbouring samples and within batches, against chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# Random batches drawn to know how pure they would be by chance.
DRAWS = 200


def order_of_numbers(batches: list[npt.NDArray[np.float64]]) -> dict[str, float]:
    """How ordered the numbers come, [samples, columns] in each batch: the same two measures as for classes."""
    common = int(np.bincount([len(b) for b in batches]).argmax())
    full = [b for b in batches if len(b) == common]
    if common < 2 or len(full) < 3 or len({b.shape[1] for b in full}) > 1:
        return {}
    rows = np.stack(full)  # [batches, samples, columns]
    rows = rows - rows.mean((0, 1))
    variance = rows.var((0, 1))
    if not np.isfinite(variance).all() or not (variance > 0).any():
        return {}
    rows = rows[..., variance > 0] / np.sqrt(variance[variance > 0])
    between, chance = float(np.square(rows.mean(1)).mean()), 1.0 / common
    return {
        "lag1": float((rows[:, :-1] * rows[:, 1:]).mean()),
        "batch_share": between,
        "expected_batch_share": chance,
        "batch_share_z": (between - chance) / (chance * (2.0 / (len(full) - 1)) ** 0.5),
    }


def distinct(batches: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Each batch of labels once: a fixed order that comes again in every epoch says nothing new."""
    return list({batch.tobytes(): batch for batch in batches}.values())


def order_of(batches: list[npt.NDArray[np.int64]]) -> dict[str, float]:
    """How ordered the classes come: within neighbouring samples and within batches, against chance."""
    if len(batches) < 2:
        return {}  # all samples at once have no order
    counts = np.bincount(np.concatenate(batches))
    found: dict[str, float] = {}
    mean = float((np.arange(len(counts)) * counts).sum() / counts.sum())
    variance = float(((np.arange(len(counts)) - mean) ** 2 * counts).sum() / counts.sum())
    pairs = sum(len(b) - 1 for b in batches if len(b) > 1)
    if pairs > 1 and variance > 0:
        products = sum(float(((b[:-1] - mean) * (b[1:] - mean)).sum()) for b in batches if len(b) > 1)
        found |= {"lag1": products / pairs / variance, "expected_lag1_sd": pairs**-0.5}
    sizes = np.array([len(b) for b in batches])
    common = int(np.bincount(sizes).argmax())
    full = [b for b in batches if len(b) == common]
    if common < 2 or len(full) < 2:
        return found
    tops = np.array([np.bincount(b).max() / common for b in full])
    # Without replacement from what was seen: near the end of an epoch of a small data set that matters.
    generator = np.random.default_rng(0)
    drawn = generator.multivariate_hypergeometric(
        counts, min(common, int(counts.sum())), size=DRAWS, method="marginals"
    )
    chance = drawn.max(1) / common
    error = float(chance.std()) / len(full) ** 0.5
    found |= {"batch_purity": float(tops.mean()), "expected_purity": float(chance.mean())}
    if error > 0:
        found["purity_z"] = (found["batch_purity"] - found["expected_purity"]) / error
    return found
