"""How values, buckets and records lie in the file: raw little-endian numbers and JSON, never pickle."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Steps = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.void]

TAIL = np.dtype([("series", "<u4"), ("step", "<i8"), ("value", "<f8")])
BUCKET = np.dtype(
    [
        ("step", "<i8"),
        ("last_step", "<i8"),
        ("count", "<i8"),
        ("known", "<i8"),
        ("minimum", "<f8"),
        ("maximum", "<f8"),
        ("mean", "<f8"),
        ("last", "<f8"),
    ]
)
WHOLE, REAL = ("step", "last_step", "count", "known"), ("minimum", "maximum", "mean", "last")

# Values of a sealed chunk. One row is then about one 4,096-byte page: reading a series reads little else.
SEALED = 512
# Roll-ups: a heat map of 100,000 steps needs about 400 columns (x256); zoomed in it needs x16.
FACTORS = (16, 256)
# What is left of the oldest stretches of a store that outgrew even its roll-ups by 256.
COARSEST = 4096
_HEAD = struct.Struct("<IBB")
_RAMP = struct.Struct("<qq")


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
    rows = np.empty(len(values), BUCKET)
    rows["step"] = rows["last_step"] = steps
    rows["count"] = 1
    rows["known"] = ~np.isnan(values)
    for name in REAL:
        rows[name] = values
    return joined(rows, factor)


def joined(rows: Rows, factor: int) -> Rows:
    """Successive buckets put together, so many at a time; means are weighted with the numbers that are no NaN."""
    starts = np.arange(0, len(rows), factor)
    wide = np.empty(len(starts), BUCKET)
    if not len(starts):
        return wide
    ends = np.append(starts[1:], len(rows)) - 1
    weights = rows["known"]
    with np.errstate(all="ignore"):
        wide["step"], wide["last_step"], wide["last"] = (
            rows["step"][starts],
            rows["last_step"][ends],
            rows["last"][ends],
        )
        wide["count"] = np.add.reduceat(rows["count"], starts)
        wide["known"] = np.add.reduceat(weights, starts)
        wide["minimum"] = np.fmin.reduceat(rows["minimum"], starts)
        wide["maximum"] = np.fmax.reduceat(rows["maximum"], starts)
        sums = np.add.reduceat(np.where(weights > 0, rows["mean"] * weights, 0.0), starts)
        wide["mean"] = sums / wide["known"]
    return wide


def encode_buckets(rows: Rows) -> bytes:
    """Buckets column by column: evenly spaced steps as first and stride, numbers as float32 where that loses nothing.

    The mean follows the others: it has 24 bits where they are exact with 24.
    """
    exact = ("minimum", "maximum", "last")
    with np.errstate(over="ignore", under="ignore"):
        narrow = all(np.array_equal(rows[name].astype("<f4"), rows[name], equal_nan=True) for name in exact)
        reals = [rows[name].astype("<f4" if narrow else "<f8").tobytes() for name in REAL]
    raw, wholes = 0, []
    for bit, name in enumerate(WHOLE):
        first, stride, data = encode_steps(rows[name])
        raw |= (data is not None) << bit
        wholes.append(_RAMP.pack(first, stride) if data is None else data)
    return b"".join([_HEAD.pack(len(rows), 4 if narrow else 8, raw), *wholes, *reals])


def decode_buckets(data: bytes) -> Rows:
    """The inverse of `encode_buckets`.

    Raises:
        ValueError: the row is damaged.
    """
    try:
        n, width, raw = _HEAD.unpack_from(data)
        at, rows = _HEAD.size, np.empty(n, BUCKET)
        for bit, name in enumerate(WHOLE):
            if raw >> bit & 1:
                rows[name] = np.frombuffer(data, "<i8", n, at)
                at += 8 * n
            else:
                first, stride = _RAMP.unpack_from(data, at)
                rows[name] = decode_steps(n, first, stride, None)
                at += _RAMP.size
        for number, name in enumerate(REAL):
            rows[name] = np.frombuffer(data, f"<f{width}", n, at + number * width * n)
    except (struct.error, TypeError, MemoryError) as error:
        raise ValueError(f"a roll-up is damaged: {error}") from error
    return rows


def merged(parts: Sequence[tuple[Steps, Values, Steps]]) -> tuple[Steps, Values, Steps]:
    """Join parts in the order of their arrival; of values with the same step the last one stays.

    Args:
        parts: steps, values, and how many recorded values each of them stands for.
    """
    steps, values, counts = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    if (steps[1:] > steps[:-1]).all():
        return steps, values, counts
    order = np.argsort(steps, kind="stable")
    steps, values, counts = steps[order], values[order], counts[order]
    keep = np.append(steps[1:] != steps[:-1], True)
    return steps[keep], values[keep], counts[keep]


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
