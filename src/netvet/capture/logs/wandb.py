"""Offline runs of Weights & Biases: `run-*.wandb`, a LevelDB log of protocol buffers."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from netvet.capture.logs.protobuf import fields, text
from netvet.capture.logs.table import MAX_LINE, Rows, Table, UnreadableLog, cells

FORM = "W&B offline run"
MAGIC = b":W&B"
_BLOCK = 32768
# First bytes of the file, and of each piece of a record: checksum, length, kind.
_START, _PIECE = 7, 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def read(file: Path, name: str) -> Table:
    """History, configuration and summary of an offline run.

    Raises:
        UnreadableLog: it is none, or holds no record.
    """
    rows, count = Rows(), 0
    with file.open("rb") as stream:
        if stream.read(_START)[:4] != MAGIC:
            raise UnreadableLog("not an offline run of W&B: it does not begin as one")
        for record in _records(stream, rows):
            count += 1
            try:
                name = _take(record, rows) or name
            except ValueError:
                rows.say("a record is not of the form that is known and was left out")
    if not count:
        raise UnreadableLog("an offline run of W&B without a whole record")
    return rows.table(name, str(file), FORM)


def _records(stream: BinaryIO, rows: Rows) -> Iterator[bytes]:
    whole, skip = bytearray(), False
    while not rows.full:
        left = _BLOCK - stream.tell() % _BLOCK
        if left < _PIECE:
            stream.seek(left, 1)
        header = stream.read(_PIECE)
        if len(header) < _PIECE:
            break
        length, kind = struct.unpack("<HB", header[4:])
        data = stream.read(length)
        if kind == 0 and length == 0:
            continue  # padding
        if len(data) < length or not _FULL <= kind <= _LAST:
            whole += header
            break
        if kind in (_FULL, _FIRST):
            whole, skip = bytearray(), False
        # A table or picture in a record may be of any length; what is not kept costs no memory.
        skip = skip or len(whole) + length > MAX_LINE
        if not skip:
            whole += data
        if kind in (_FULL, _LAST):
            if not skip:
                yield bytes(whole)
            whole = bytearray()
    if whole:
        rows.say("the last record is torn (the run was killed, or still writes)")


def _take(record: bytes, rows: Rows) -> str | None:
    """Keep a record; the name of the run where it has it."""
    name = None
    for number, value in fields(record):
        if not isinstance(value, bytes):
            continue
        if number == 2:
            rows.add(cells(dict(_items(value, 1))))
        elif number == 5:
            rows.set(_config(value))
        elif number == 17:
            parts = dict(fields(value))
            config, shown = parts.get(4), text(parts.get(8, b"")) or text(parts.get(1, b""))
            name = shown or None
            if isinstance(config, bytes):
                rows.set(_config(config))
    return name


def _config(data: bytes) -> dict[str, Any]:
    return {key: value for key, value in _items(data, 1) if not key.startswith("_wandb")}


def _items(data: bytes, which: int) -> Iterator[tuple[str, Any]]:
    """Keys (nested ones with a slash) and values, which are JSON."""
    for number, item in fields(data):
        if number != which or not isinstance(item, bytes):
            continue
        keys, value = [], b""
        for n, part in fields(item):
            if n in (1, 2) and text(part):
                keys.append(text(part))
            elif n == 16 and isinstance(part, bytes):
                value = part
        try:
            yield "/".join(keys), json.loads(value)
        except (ValueError, RecursionError):
            continue
