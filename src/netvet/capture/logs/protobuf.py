"""The wire format of protocol buffers, as much of it as logs use."""

from __future__ import annotations

import struct
from collections.abc import Iterator

# Varints that are longer are no varints.
_MAX_VARINT = 10
Field = tuple[int, int | bytes]


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message: number and value.

    A varint is an int; fixed 64 and 32 bit are their 8 and 4 bytes; all else is bytes.

    Raises:
        ValueError: the bytes are no message.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > end:
            raise ValueError("a field is longer than its message")
        yield key >> 3, data[at : at + size]
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at a place, and where it ends.

    Raises:
        ValueError: there is none.
    """
    value = 0
    for i in range(_MAX_VARINT):
        if at + i >= len(data):
            break
        byte = data[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("no end of a number")


def signed(value: int | bytes) -> int:
    """A varint as an int64; 0 for what is none."""
    if not isinstance(value, int):
        return 0
    return value - (1 << 64) if value >= 1 << 63 else value


def text(value: int | bytes) -> str:
    """A string; what is not UTF-8 is replaced."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def float32(value: int | bytes) -> float | None:
    """A fixed 32-bit float."""
    return float(struct.unpack("<f", value)[0]) if isinstance(value, bytes) and len(value) == 4 else None


def float64(value: int | bytes) -> float | None:
    """A fixed 64-bit float."""
    return float(struct.unpack("<d", value)[0]) if isinstance(value, bytes) and len(value) == 8 else None
