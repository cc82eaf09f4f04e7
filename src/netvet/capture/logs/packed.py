"""Logs that were packed: `.gz` of one log, `.zip` of a folder; unpacked beside nothing else, within bounds."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from netvet.capture.logs.table import UnreadableLog

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
# Of one archive, unpacked: as much as is read of the standard input; a kilobyte can hold a thousand times its size.
MAX_UNPACKED = 200_000_000
MAX_MEMBERS = 20_000
_PIECE = 1 << 20
_TOO_LARGE = f"more than {MAX_UNPACKED:,} bytes unpacked, which is the most that is read; unpack it yourself"


@contextmanager
def gunzipped(file: Path) -> Iterator[tuple[Path, str]]:
    """The log in a gzip file, and a sentence where the end of it is missing.

    Raises:
        UnreadableLog: nothing of it can be unpacked, or it is too large.
    """
    with TemporaryDirectory(prefix="netvet-") as scratch:
        target = Path(scratch) / (file.stem if file.suffix.lower() == ".gz" else file.name)
        problem, size = "", 0
        with file.open("rb") as stream, GzipFile(fileobj=stream) as source, target.open("wb") as out:
            while not problem:
                try:
                    piece = source.read1(_PIECE)
                except (EOFError, BadGzipFile, zlib.error) as error:
                    cut = isinstance(error, EOFError)
                    problem = f"the gzip file is {'cut off' if cut else 'damaged'}: only what came before was read"
                    break
                if not piece:
                    break
                size += len(piece)
                if size > MAX_UNPACKED:
                    raise UnreadableLog(_TOO_LARGE)
                out.write(piece)
        if not size:
            raise UnreadableLog("a damaged gzip file: nothing of it can be unpacked" if problem else "empty")
        yield target, problem


@contextmanager
def unzipped(file: Path) -> Iterator[Path]:
    """The folder in a ZIP file, under the name of the file.

    Raises:
        UnreadableLog: it cannot be unpacked, or is too large.
    """
    with TemporaryDirectory(prefix="netvet-") as scratch:
        folder = Path(scratch) / (file.stem or "logs")
        folder.mkdir()
        try:
            with zipfile.ZipFile(file) as archive:
                _unzip(archive, folder)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            locked = "encrypted" in str(error)
            raise UnreadableLog(f"{'an encrypted' if locked else 'a damaged'} ZIP file; unpack it yourself") from None
        yield folder


def _unzip(archive: zipfile.ZipFile, folder: Path) -> None:
    """Plain files below the folder only: no links, no `..`."""
    members = [one for one in archive.infolist() if not one.is_dir()]
    if len(members) > MAX_MEMBERS:
        raise UnreadableLog(f"more than {MAX_MEMBERS:,} files in a ZIP file; unpack it yourself")
    left = MAX_UNPACKED
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if not parts or any(part in ("..", "/") or ":" in part or "\0" in part for part in parts):
            continue
        target = folder.joinpath(*parts)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("xb") as out:
                while piece := source.read(_PIECE):
                    left -= len(piece)
                    if left < 0:
                        raise UnreadableLog(_TOO_LARGE)
                    out.write(piece)
        except (FileExistsError, NotADirectoryError):  # the same name twice
            continue
