"""Lines of a text file, within bounds."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from netvet.capture.logs.table import MAX_LINE, Rows, UnreadableLog

# Most that is read of one text log: with a hundred letters a line that is ten million lines.
MAX_TEXT = 1_000_000_000
# What is read as a whole (JSON): a trainer's state of a million entries has some 150 MB.
MAX_WHOLE = 200_000_000
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding_of(head: bytes) -> str:
    """Of a text, by its first bytes: PowerShell redirects in UTF-16."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")


def lines(stream: TextIO, rows: Rows) -> Iterator[str]:
    """The lines, without their ends; those that are too long are left out, and said."""
    read = 0
    while not rows.full:
        line = stream.readline(MAX_LINE)
        if not line:
            return
        read += len(line)
        if read > MAX_TEXT:
            rows.say(f"only the first {MAX_TEXT:,} letters were read")
            return
        if len(line) >= MAX_LINE and not line.endswith("\n"):
            rows.say(f"a line of more than {MAX_LINE:,} letters was left out")
            while line and not line.endswith("\n"):
                line = stream.readline(MAX_LINE)
                read += len(line)
                if read > MAX_TEXT:
                    return
            continue
        yield line.rstrip("\r\n") if "\r" not in line[:-2] else line.rstrip("\n")


def opened(file: Path, *, newline: str | None = None) -> TextIO:
    """A text file, whatever is no letter replaced."""
    with file.open("rb") as stream:
        head = stream.read(4)
    return file.open("r", encoding=encoding_of(head), errors="replace", newline=newline)


def whole(file: Path) -> str:
    """All of a text file.

    Raises:
        UnreadableLog: it is too large to be read as one.
    """
    if file.stat().st_size > MAX_WHOLE:
        raise UnreadableLog(f"larger than the {MAX_WHOLE:,} bytes that are read of such a file")
    with opened(file) as stream:
        return stream.read()


def in_memory(data: bytes) -> TextIO:
    """Bytes as lines of text."""
    return io.StringIO(data.decode(encoding_of(data[:4]), "replace"), newline=None)
