"""Pack logs for the main tests, without what they tell of the machine: `python -m tests.extras.logs.pack IN OUT`."""

from __future__ import annotations

import re
import shutil
import sqlite3
import struct
import sys
import tarfile
import zlib
from contextlib import closing
from pathlib import Path

from netvet.capture.logs import wandb
from netvet.capture.logs.protobuf import fields, text
from netvet.capture.logs.table import Rows

# Records of an offline run that hold numbers: history, and of the run its configuration and name.
HISTORY, RUN, CONFIG, NAME = 2, 17, 4, 8
BLOCK, PIECE = 32768, 7


def pack(source: Path, target: Path) -> None:
    """Copy the logs next to the target, strip them, and make the archive."""
    folder = target.with_suffix("").with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        source, folder, ignore=shutil.ignore_patterns("debug*.log", "requirements.txt", "latest-run", "*.pt")
    )
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".wandb":
            file.write_bytes(stripped_wandb(file))
        elif file.name == "mlflow.db":
            strip_mlflow(file)
        elif file.name == "meta.yaml":
            file.write_text(
                re.sub(r"(?m)^(artifact_uri|artifact_location|source_name|user_id):.*$", r"\1: ''", file.read_text())
            )
        elif "tfevents" in file.name:
            order = sorted(file.parent.glob("*tfevents*")).index(file)
            file.rename(file.with_name(f"events.out.tfevents.{order + 1}.host"))
    with tarfile.open(target, "w:xz", preset=9) as archive:
        archive.add(folder, ".", filter=plain)
    shutil.rmtree(folder)


def plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    info.mtime = info.uid = info.gid = 0
    info.uname = info.gname = ""
    return None if info.issym() else info


def stripped_wandb(file: Path) -> bytes:
    """The same run with the records that hold numbers only, framed anew."""
    made = bytearray(file.read_bytes()[:PIECE])
    with file.open("rb") as stream:
        stream.seek(PIECE)
        for record in wandb._records(stream, Rows()):
            for number, value in fields(record):
                if number == HISTORY and isinstance(value, bytes):
                    _frame(made, _field(HISTORY, value))
                elif number == RUN and isinstance(value, bytes):
                    kept = [(n, v) for n, v in fields(value) if n in (CONFIG, NAME) and isinstance(v, bytes)]
                    kept = [(n, _plain_config(v) if n == CONFIG else v) for n, v in kept]
                    _frame(made, _field(RUN, b"".join(_field(n, v) for n, v in kept)))
    return bytes(made)


def _plain_config(config: bytes) -> bytes:
    items = [v for n, v in fields(config) if n == 1 and isinstance(v, bytes)]
    own = [v for v in items if not any(n in (1, 2) and text(p).startswith("_wandb") for n, p in fields(v))]
    return b"".join(_field(1, v) for v in own)


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _frame(made: bytearray, record: bytes) -> None:
    first = True
    while first or record:
        left = BLOCK - len(made) % BLOCK
        if left < PIECE:
            made += bytes(left)
            continue
        part, record = record[: left - PIECE], record[left - PIECE :]
        kind = (1 if not record else 2) if first else (4 if not record else 3)
        made += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
        first = False


def strip_mlflow(file: Path) -> None:
    """Keep the tables that hold runs, parameters and metrics."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in tables:
            if name not in ("runs", "params", "metrics") and not name.startswith("sqlite_"):
                connection.execute(f"DROP TABLE {name}")
        connection.execute("UPDATE runs SET artifact_uri = '', source_name = '', user_id = ''")
        connection.commit()
        connection.execute("VACUUM")


if __name__ == "__main__":
    pack(Path(sys.argv[1]), Path(sys.argv[2]))
