"""Which line of the user's own code is running."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import netvet
from netvet.capture.source import loop_line


class Site(NamedTuple):
    """A line of the user's code; the file is relative to the working directory where it lies below it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"


def _folders_of(package: str) -> Iterator[str]:
    """Where an installed package lies, without importing it."""
    found = find_spec(package)
    yield from (folder + os.sep for folder in (found.submodule_search_locations if found else None) or ())


_OURS = (str(Path(netvet.__file__).parent) + os.sep, *_folders_of("torch"))
_STDLIB = sysconfig.get_paths()["stdlib"] + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


@cache
def _kind(file: str) -> int:
    """0: the user's own code; 1: an installed library's; 2: PyTorch, Python or netvet."""
    if file.startswith("<ipython-input"):  # a cell of a notebook, or a line at IPython's prompt
        return 0
    if file.startswith("<") or file.startswith(_OURS):
        return 2
    if any(part in file for part in _INSTALLED):
        return 1
    return 2 if file.startswith(_STDLIB) else 0


@cache
def _shown(file: str) -> str:
    try:
        return str(Path(file).resolve().relative_to(Path.cwd()))
    except ValueError:
        return file


def site_of(frame: FrameType) -> Site:
    """The line at which a frame is now."""
    return Site(_shown(frame.f_code.co_filename), frame.f_lineno)


def user_site(depth: int = 1) -> Site | None:
    """The innermost line of the user's own code on the stack; failing that, of an installed library's."""
    frame: FrameType | None = sys._getframe(depth)
    library: Site | None = None
    while frame is not None:
        kind = _kind(frame.f_code.co_filename)
        if kind == 0:
            return site_of(frame)
        if kind == 1 and library is None:
            library = site_of(frame)
        frame = frame.f_back
    return library


def site_in(lines: Iterable[tuple[str, int]]) -> Site | None:
    """The innermost of these lines that is of the user's own code; failing that, of an installed library's.

    Args:
        lines: file and line of each call, the innermost first.
    """
    library: Site | None = None
    for file, line in lines:
        kind = _kind(file)
        if kind == 0:
            return Site(_shown(file), line)
        if kind == 1 and library is None:
            library = Site(_shown(file), line)
    return library


def own_sites(lines: Iterable[tuple[str, int]]) -> tuple[Site, ...]:
    """Those of these lines that are of the user's own code."""
    return tuple(Site(_shown(file), line) for file, line in lines if _kind(file) == 0)


def user_frame() -> FrameType | None:
    """The innermost call of the user's own code on the stack."""
    return next(_user_frames(), None)


def user_codes() -> frozenset[CodeType]:
    """The functions of the user's own code that are on the stack."""
    return frozenset(frame.f_code for frame in _user_frames())


def site_within(codes: frozenset[CodeType]) -> Site | None:
    """The line now running in the innermost of these functions that is on the stack; None where none is."""
    for frame in _user_frames():
        if frame.f_code in codes:
            return Site(_shown(frame.f_code.co_filename), frame.f_lineno)
    return None


def loop_site() -> Site | None:
    """The outermost loop of the user's own code that is running: the one over epochs, mostly."""
    for frame in reversed(list(_user_frames())):
        line = loop_line(frame.f_code, frame.f_lineno)
        if line is not None:
            return Site(_shown(frame.f_code.co_filename), line)
    return None


def _user_frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _kind(frame.f_code.co_filename) == 0:
            yield frame
        frame = frame.f_back
