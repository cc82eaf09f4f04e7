"""TensorBoard event files: TFRecord frames around protocol buffers; scalars old and new, hyper-parameters, text."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from netvet.capture.logs.protobuf import Field, fields, float32, float64, signed, text
from netvet.capture.logs.table import MAX_NAME, Rows, Table, UnreadableLog

FORM = "TensorBoard events"
# Pictures and histograms are longer; they are passed over without being read.
MAX_RECORD = 1_000_000
_HEADER = 12  # length and its checksum
_HPARAMS = "_hparams_/session_start_info"
# Field numbers of TensorProto, and the types of their numbers.
_TYPES = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}


def is_events(path: Path) -> bool:
    """By its name, as TensorBoard itself decides."""
    return "tfevents" in path.name


def read(files: list[tuple[str, Path]], name: str, path: str) -> Table:
    """The scalars of all event files of a run.

    Args:
        files: prefix of the tags (empty, or the folder `validation/`) and path, oldest first.

    Raises:
        UnreadableLog: none of them holds a record.
    """
    rows, records = Rows(), 0
    for prefix, file in files:
        with file.open("rb") as stream:
            for record in _records(stream, rows, file.name):
                records += 1
                try:
                    _take(record, prefix, rows)
                except (ValueError, struct.error):
                    rows.say(f"{file.name}: a record is no event and was left out")
    if not records:
        raise UnreadableLog("an event file of TensorBoard without a whole record (empty, or damaged from its start)")
    return rows.table(name, path, FORM)


def _records(stream: BinaryIO, rows: Rows, name: str) -> Iterator[bytes]:
    size = stream.seek(0, 2)
    stream.seek(0)
    while (left := size - stream.tell()) > 0 and not rows.full:
        header = stream.read(_HEADER)
        if len(header) < _HEADER:
            rows.say(f"{name}: the last record is torn (the run was killed, or still writes)")
            return
        length, check = struct.unpack("<QI", header)
        if _masked_crc(header[:8]) != check:
            rows.say(f"{name}: damaged after byte {size - left:,}; what follows was not read")
            return
        if length + 4 > left - _HEADER:
            rows.say(f"{name}: the last record is torn (the run was killed, or still writes)")
            return
        if length > MAX_RECORD:
            stream.seek(length + 4, 1)
            continue
        yield stream.read(length)
        stream.seek(4, 1)


def _take(record: bytes, prefix: str, rows: Rows) -> None:
    step, found = 0, []
    for number, value in fields(record):
        if number == 2:
            step = signed(value)
        elif number == 5 and isinstance(value, bytes):
            found += [_value(one) for n, one in fields(value) if n == 1 and isinstance(one, bytes)]
    for tag, scalar, settings in found:
        if settings:
            rows.set(settings)
        if scalar is not None and tag:
            # Each tag has a clock of its own, so each value is a row.
            rows.add((("step", float(step)), (prefix + tag, scalar)))


def _value(data: bytes) -> tuple[str, float | None, dict[str, Any]]:
    """Tag, scalar and hyper-parameters of one value of a summary."""
    tag, scalar, tensor, metadata = "", None, b"", b""
    for number, value in fields(data):
        if number == 1:
            tag = text(value)[:MAX_NAME]
        elif number == 2:
            scalar = float32(value)
        elif number == 8 and isinstance(value, bytes):
            tensor = value
        elif number == 9 and isinstance(value, bytes):
            metadata = value
    if tag == _HPARAMS:
        return tag, None, _hparams(metadata)
    if scalar is not None or not tensor:
        return tag, scalar, {}
    number_, words = _tensor(tensor)
    return tag, number_, _words(words) if words and "args" in tag else {}


def _tensor(data: bytes) -> tuple[float | None, bytes]:
    """The only number of a tensor, and its first text."""
    kind, count, numbers, content, words = 1, 1, [], b"", b""
    for number, value in fields(data):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number == 2 and isinstance(value, bytes):
            for n, dim in fields(value):
                if n == 2 and isinstance(dim, bytes):
                    count *= next((signed(v) for m, v in fields(dim) if m == 1), 1)
        elif number == 4 and isinstance(value, bytes):
            content = value
        elif number in (5, 6, 7, 10):
            numbers.append((number, value))
        elif number == 8 and isinstance(value, bytes):
            words = words or value
    if count != 1:
        return None, words
    if content and kind in _TYPES and len(content) == struct.calcsize(_TYPES[kind]):
        return float(struct.unpack(_TYPES[kind], content)[0]), words
    return (_listed(numbers[0]) if len(numbers) == 1 else None), words


def _listed(one: Field) -> float | None:
    number, value = one
    if isinstance(value, int):
        return float(signed(value))
    if number == 5:
        return float32(value)
    return float64(value) if number == 6 else None


def _hparams(metadata: bytes) -> dict[str, Any]:
    """What `add_hparams` wrote: a map of names to numbers, texts and truth."""
    found: dict[str, Any] = {}
    for _, content in _below(metadata, 1, 2, 3, 1):
        key, value = "", None
        for number, part in fields(content):
            if number == 1:
                key = text(part)
            elif number == 2 and isinstance(part, bytes):
                for kind, one in fields(part):
                    value = {2: float64(one), 3: text(one), 4: bool(one)}.get(kind)
        if key and value is not None:
            found[key] = int(value) if isinstance(value, float) and value.is_integer() else value
    return found


def _below(data: bytes, *path: int) -> Iterator[tuple[int, bytes]]:
    """The messages at a path of field numbers."""
    for number, value in fields(data):
        if number == path[0] and isinstance(value, bytes):
            if len(path) == 1:
                yield number, value
            else:
                yield from _below(value, *path[1:])


def _words(data: bytes) -> dict[str, Any]:
    """Arguments that were written as JSON text, as the Trainer of transformers does."""
    try:
        found = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # Castagnoli's polynomial, reflected
        table.append(byte)
    return tuple(table)


_CRC = _crc_table()


def _masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
