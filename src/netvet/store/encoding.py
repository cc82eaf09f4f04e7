"""How values, buckets and records lie in the file: raw little-endian numbers and JSON, never pickle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Steps = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.void]

TAIL = np.dtype([("series", "<u4"), ("step", "<i8"), ("value", "<f8")])
BUCKET = np.dtype([("step", "<i8"), ("minimum", "<f8"), ("maximum", "<f8"), ("mean", "<f8"), ("last", "<f8")])

# Values of a sealed chunk. One row is then about one 4,096-byte page: reading a series reads little else.
SEALED = 512
# Roll-ups: a heat map of 100,000 steps needs about 400 columns (x256); zoomed in it needs x16.
FACTORS = (16, 256)


def encode_steps(steps: Steps) -> tuple[int, int, bytes | None]:
    """First step and stride; the steps themselves only where they are not evenly spaced."""
    gaps = np.diff(steps)
    if (gaps == gaps[:1]).all():
        return int(steps[0]), int(gaps[0]) if len(gaps) else 0, None
    return int(steps[0]), 0, steps.astype("<i8").tobytes()


def decode_steps(n: int, first: int, stride: int, data: bytes | None) -> Steps:
    """The inverse of `encode_steps`.

    Raises:
        ValueError: the row is damaged.
    """
    if data is None:
        return first + stride * np.arange(n, dtype=np.int64)
    return _sized(np.frombuffer(data, "<i8").astype(np.int64), n)


def encode_values(values: Values) -> bytes:
    """The values as float32 where that loses nothing (most come from float32 tensors), else as float64."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = values.astype("<f4")
    if np.array_equal(narrow, values, equal_nan=True):
        return narrow.tobytes()
    return values.astype("<f8").tobytes()


def decode_values(n: int, data: bytes) -> Values:
    """The inverse of `encode_values`.

    Raises:
        ValueError: the row is damaged.
    """
    return _sized(np.frombuffer(data, "<f4" if len(data) == 4 * n else "<f8").astype(np.float64), n)


def _sized(array: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    if len(array) != n:
        raise ValueError(f"{len(array)} numbers where there should be {n}")
    return array


def buckets(steps: Steps, values: Values, factor: int) -> Rows:
    """Thin out: minimum, maximum and mean of the numbers that are not NaN, and the last value, of each bucket.

    Args:
        steps: int64 [n].
        values: float64 [n].
        factor: values in a bucket; the last bucket may have fewer.

    Returns:
        `BUCKET` rows [ceil(n / factor)]; the step is that of the first value.
    """
    starts = np.arange(0, len(values), factor)
    rows = np.empty(len(starts), dtype=BUCKET)
    if not len(starts):
        return rows
    known = ~np.isnan(values)
    with np.errstate(all="ignore"):
        rows["step"] = steps[starts]
        rows["minimum"] = np.fmin.reduceat(values, starts)
        rows["maximum"] = np.fmax.reduceat(values, starts)
        rows["mean"] = np.add.reduceat(np.where(known, values, 0.0), starts) / np.add.reduceat(
            known, starts, dtype="i8"
        )
        rows["last"] = values[np.append(starts[1:], len(values)) - 1]
    return rows


def merged(parts: Sequence[tuple[Steps, Values]]) -> tuple[Steps, Values]:
    """Join parts in the order of their arrival; of values with the same step the last one stays."""
    steps = np.concatenate([part[0] for part in parts])
    values = np.concatenate([part[1] for part in parts])
    if (steps[1:] > steps[:-1]).all():
        return steps, values
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    keep = np.append(steps[1:] != steps[:-1], True)
    return steps[keep], values[keep]


def by_series(tail: Rows) -> Iterator[tuple[int, Rows]]:
    """The rows of each series, in the order of their arrival."""
    ordered = tail[np.argsort(tail["series"], kind="stable")]
    ids, starts = np.unique(ordered["series"], return_index=True)
    parts = np.split(ordered, starts[1:]) if len(ids) else []
    for series, part in zip(ids, parts, strict=True):
        yield int(series), part


def clean(text: str) -> str:
    """The text without lone surrogates (file names have them), which SQLite refuses."""
    return text.encode("utf-8", "backslashreplace").decode()


def encode_records(records: Sequence[Mapping[str, object]]) -> str:
    """Records as JSON text; NaN and infinity stand as Python's json writes them.

    Raises:
        RecursionError, ValueError: a record contains itself, or a number too long for text.
    """
    return json.dumps([_plain(dict(record)) for record in records])


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    item = value.item() if isinstance(value, np.generic) else value
    # The long double of NumPy is its own item.
    return str(item) if isinstance(item, np.generic) or item is value else _plain(item)
