"""Where a report goes: a file, or the standard output."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from netvet.core import NetvetError

STDOUT = Path("-")


def write(text: str, file: Path, stream: TextIO) -> None:
    """Write a report.

    Args:
        text: the whole of it.
        file: where to; `-` is the stream.
        stream: the standard output.

    Raises:
        NetvetError: the file cannot be written.
    """
    if file == STDOUT:
        stream.write(text)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NetvetError(f"cannot write {file}: {error.strerror or error}") from error
