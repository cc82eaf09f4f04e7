"""Samples that are arrays of numbers, as a net is given them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Chunk
from netvet.data.describe import fingerprints
from netvet.data.index import Floats, Rows

# Wider samples are projected: distances hold to about 10 % (Johnson and Lindenstrauss; Achlioptas 2003, signs suffice).
MAX_FEATURES, PROJECTED = 256, 128
_NAME = "projection "
# Names of three channels, in the order that most programs have, and the least side of what may be a picture.
COLOURS, LEAST_SIDE = ("red", "green", "blue"), 8
# Numbers that are computed with at a time: half a megabyte.
CACHED = 1 << 16


def rows(chunk: Chunk) -> Rows:
    """One row a sample; of samples with different shapes the attributes serve as features."""
    array = chunk.array
    if array is None:
        return _ragged(chunk)
    flat = array.reshape(len(array), -1)
    features = projected(flat)
    attributes = {**_moments(flat), **_channels(array), **chunk.attributes}
    # Samples of other sizes have other projections, which are not to be compared with these.
    names = tuple(f"{_NAME}{i} of {flat.shape[1]} values" for i in range(PROJECTED)) if _is_wide(flat) else ()
    return Rows(
        chunk.keys, fingerprints.of_rows(flat), features, np.zeros((len(flat), 0), np.uint64), attributes,
        chunk.targets, names, chunk.problems,
    )  # fmt: skip


def is_projected(found: Rows) -> bool:
    """Whether no feature of the samples stands for a value of theirs."""
    return any(name.startswith(_NAME) for name in found.names[:1])


def _is_wide(flat: npt.NDArray[np.generic]) -> bool:
    return bool(flat.shape[1] > MAX_FEATURES)


def projected(flat: npt.NDArray[np.generic]) -> Floats:
    """The samples [n, d] as at most 256 features; wider ones through random signs that depend on d alone."""
    values = flat.astype(np.float32)
    if not _is_wide(flat):
        return values
    signs = np.random.default_rng(flat.shape[1]).integers(0, 2, (flat.shape[1], PROJECTED), dtype=np.int8) * 2 - 1
    found: Floats = np.nan_to_num(values) @ signs.astype(np.float32) / np.float32(np.sqrt(PROJECTED))
    return found


def _moments(flat: npt.NDArray[np.generic]) -> dict[str, npt.NDArray[np.float64]]:
    """Mean, spread and the like of each sample; of some at a time, as they fit the cache."""
    step = max(1, CACHED // max(flat.shape[1], 1))
    parts = [_of_some(flat[first : first + step].astype(np.float64)) for first in range(0, max(len(flat), 1), step)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _channels(array: npt.NDArray[np.generic]) -> dict[str, npt.NDArray[np.float64]]:
    """Mean and spread of each of three channels of samples [n, 3, H, W] or [n, H, W, 3], by `mean red` and the like."""
    if array.ndim != 4 or 3 not in (array.shape[1], array.shape[3]):
        return {}
    planes = array if array.shape[1] == 3 else np.moveaxis(array, 3, 1)
    if min(planes.shape[2:]) < LEAST_SIDE:
        return {}
    found = {}
    for channel, colour in enumerate(COLOURS):
        plane = planes[:, channel].reshape(len(planes), -1)
        found[f"mean {colour}"] = plane.mean(axis=1, dtype=np.float64)
        found[f"std {colour}"] = plane.std(axis=1, dtype=np.float64)
    return found


def _of_some(values: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    finite = np.isfinite(values)
    seen = np.maximum(finite.sum(axis=1), 1)
    kept = np.where(finite, values, 0.0)
    mean = kept.sum(axis=1) / seen
    spread = np.sqrt(np.where(finite, (kept - mean[:, None]) ** 2, 0.0).sum(axis=1) / seen)
    return {
        "mean": mean, "std": spread, "not finite": (~finite).sum(axis=1).astype(np.float64),
        "lowest": np.where(finite, values, np.inf).min(axis=1, initial=np.inf),
        "highest": np.where(finite, values, -np.inf).max(axis=1, initial=-np.inf),
    }  # fmt: skip


def _ragged(chunk: Chunk) -> Rows:
    arrays = [np.asarray(one) for one in chunk.inputs]
    flats = [_moments(one.reshape(1, -1)) for one in arrays]
    names = ("mean", "std", "not finite", "lowest", "highest")
    attributes = {name: np.array([m[name][0] for m in flats]) for name in names}
    attributes["values"] = np.array([float(one.size) for one in arrays])
    prints = [fingerprints.of_bytes([str(a.shape).encode(), a.astype(np.float64).tobytes()]) for a in arrays]
    return Rows(
        chunk.keys, np.array(prints, dtype=np.uint64), np.stack(list(attributes.values()), 1).astype(np.float32),
        np.zeros((len(arrays), 0), np.uint64), {**attributes, **chunk.attributes}, chunk.targets,
        tuple(attributes), chunk.problems,
    )  # fmt: skip
