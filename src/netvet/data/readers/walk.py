"""Files below a folder: none outside is looked at, and what is no plain file is told and never opened."""

from __future__ import annotations

import io
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from netvet.data.chunks import Problem

# Folders with the state of tools.
SKIPPED = (".git", ".netvet")
# Larger files are not read: they hold no sample of a data set, or one that fits in no memory.
MAX_BYTES = 256 * 2**20
# File systems end at 255 bytes for a name; archives and encrypted file systems do earlier.
MAX_NAME = 200
# Characters that move the cursor, turn the direction of text, are invisible, or are no text at all (lone surrogates:
# bytes that are not UTF-8). The joiners of emoji and of Indic scripts are not among them.
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def printable(name: str) -> str:
    """A name that can be written to any terminal and file, odd characters as escapes."""
    return _ODD.sub(_escaped, name)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python hands it on (PEP 383)
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


@dataclass(frozen=True, slots=True)
class File:
    """A plain file.

    Args:
        key: its path below the root, printable.
        path: the same as the system knows it; of a link, where it leads.
        size, changed: bytes, and nanoseconds since 1970.
    """

    key: str
    path: str
    size: int
    changed: int


@dataclass
class Walked:
    """What a folder holds.

    Attributes:
        files: with the endings that were asked for, in the order of their paths.
        problems: what else there is.
    """

    root: str
    endings: frozenset[str]
    word: str
    largest: int = MAX_BYTES
    files: list[File] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _foreign: Counter[str] = field(default_factory=Counter)
    _first: dict[str, str] = field(default_factory=dict)

    def tell(self, path: str, what: str, message: str) -> None:
        """Note a problem with a path below the root."""
        self.problems.append(Problem(_key(path) or ".", what, message))

    def below(self, folder: str) -> list[str]:
        """Take in a folder; gives the folders in it."""
        try:
            entries = sorted(os.scandir(os.path.join(self.root, folder)), key=lambda e: e.name)
        except OSError as error:
            self.tell(folder, "unreadable", f"the folder cannot be read ({error.strerror})")
            return []
        inner = []
        for entry in entries:
            path = os.path.join(folder, entry.name)
            try:
                if entry.is_symlink():
                    self._link(path)
                elif entry.is_dir():
                    inner += [path] if entry.name not in SKIPPED else []
                    self._folder(path)
                else:
                    self._file(path, path, entry.stat(follow_symlinks=False))
            except OSError as error:
                self.tell(path, "unreadable", f"cannot be looked at ({error.strerror})")
        return inner

    def end(self) -> None:
        """Tell of all the files with other endings, in one line for each ending."""
        for ending, count in sorted(self._foreign.items()):
            self.tell(
                self._first[ending], "foreign file",
                f"{count:,} with {ending or 'no ending'} among the {self.word}s: not read",
            )  # fmt: skip

    def _folder(self, path: str) -> None:
        if ending(path) in self.endings:
            self.tell(path, "folder", f"a folder that is named as {self.word}s are")
        if odd := odd_name(path):
            self.tell(path, "odd name", odd)

    def _file(self, shown: str, path: str, info: os.stat_result) -> None:
        """A file that is no link, at `path`; `shown` is the link that leads there, if any."""
        if not stat.S_ISREG(info.st_mode):
            self.tell(shown, "not a file", f"a {_special(info.st_mode)}: opening it could block for ever")
            return
        if ending(shown) not in self.endings:
            self._foreign[ending(shown)] += 1
            self._first.setdefault(ending(shown), shown)
            return
        if odd := odd_name(shown):
            self.tell(shown, "odd name", odd)
        if not info.st_size:
            self.tell(shown, "empty", "a file of zero bytes")
        elif info.st_size > self.largest:
            self.tell(shown, "too large", f"{info.st_size:,} bytes; files up to {self.largest:,} are read")
        elif not os.access(os.path.join(self.root, path), os.R_OK):
            self.tell(shown, "unreadable", "no permission to read it")
        else:
            self.files.append(File(_key(shown), path, info.st_size, info.st_mtime_ns))

    def _link(self, path: str) -> None:
        """Follow a link to a file within the root; all others are told only."""
        full = os.path.join(self.root, path)
        try:
            target = os.path.realpath(full, strict=True)
        except FileNotFoundError:
            return self.tell(path, "dangling link", f"a link to {printable(os.readlink(full))}, which is not there")
        except OSError as error:
            return self.tell(path, "link loop", f"a link that leads nowhere ({error.strerror})")
        if os.path.isdir(target) and full.startswith(os.path.join(target, "")):
            return self.tell(path, "link loop", "a link to a folder that holds it")
        if not target.startswith(os.path.join(self.root, "")):
            return self.tell(path, "outside link", "a link out of the folder: not read; give its target as SPLIT=PATH")
        if os.path.isdir(target):
            return self.tell(path, "linked folder", "a link to a folder of the data, which is read once, at its place")
        return self._file(path, os.path.relpath(target, self.root), os.lstat(target))


def walk(root: Path, endings: frozenset[str], word: str, largest: int = MAX_BYTES) -> Walked:
    """All files below a folder.

    Args:
        endings: of the files that are wanted, in lower case; `word`: what a person calls one of them, such as `image`.
        largest: bytes of a file that is read.
    """
    found = Walked(os.path.realpath(root), endings, word, largest)
    left = [""]
    while left:
        left += reversed(found.below(left.pop()))
    found.end()
    found.files.sort(key=lambda f: f.path)
    return found


def names(root: Path, limit: int) -> Iterator[str]:
    """The first names of files below a folder."""
    seen = 0
    for _, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        for name in sorted(files):
            yield name
            seen += 1
            if seen >= limit:
                return


def ending(path: str) -> str:
    """`.png` of `x/a.PNG`; `.tar.gz` of a tar that is compressed."""
    found = PurePath(path).suffix.lower()
    return f".tar{found}" if found == ".gz" and path.lower().endswith(".tar.gz") else found


def odd_name(path: str) -> str | None:
    """What is odd about the last part of a path."""
    name = os.path.basename(path)
    if _ODD.search(name):
        return "its name has characters that are invisible or no text"
    long = len(os.fsencode(name))
    return f"its name has {long} bytes, more than archives and some file systems keep" if long > MAX_NAME else None


def open_plain(path: str) -> io.FileIO:
    """Open a plain file; a pipe or device that has come in its place is not waited for, a link not followed.

    Raises:
        OSError: it cannot be read, or is no plain file any more.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    file = io.FileIO(os.open(path, flags), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(0, "it is no plain file any more")


def read_bytes(path: str) -> bytes:
    """What a plain file holds.

    Raises:
        OSError: it cannot be read, is no plain file any more, or has become too large.
    """
    with open_plain(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(0, "it grows while it is read")
    return data


def _key(path: str) -> str:
    return printable(path).replace(os.sep, "/")


def _special(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "named pipe"
    return "socket" if stat.S_ISSOCK(mode) else "device"
