"""Exceptions of the user's program: what they say, where they were raised, and their traceback without netvet."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import netvet
from netvet.capture.site import _kind, _shown
from netvet.core import NetvetError

PACKAGE = str(Path(netvet.__file__).parent)


def text_of(error: BaseException | None) -> str | None:
    """Type and message in one line; None for no error."""
    return None if error is None else "".join(traceback.format_exception_only(error)).strip()


def innermost_file(error: BaseException) -> str:
    """The file in which an error was raised."""
    *_, innermost = _chain(error.__traceback__)
    return innermost.tb_frame.f_code.co_filename


def raised_at(frames: TracebackType | None) -> tuple[str, int] | None:
    """The innermost line of the user's code in a traceback."""
    found = None
    for frame, line in traceback.walk_tb(users_part(frames)):
        if _kind(frame.f_code.co_filename) == 0:
            found = (_shown(frame.f_code.co_filename), line)
    return found


def show(error: BaseException) -> None:
    """Print the error of the user's program as Python would without netvet.

    Raises:
        NetvetError: the error itself, where it is netvet's own.
    """
    if isinstance(error, NetvetError):
        raise error
    sys.stdout.flush()
    seen: BaseException | None = error
    while seen is not None:  # and what it was raised from
        seen.__traceback__ = users_part(seen.__traceback__)
        seen = seen.__cause__ or seen.__context__
    sys.excepthook(type(error), error, error.__traceback__)


def users_part(frames: TracebackType | None) -> TracebackType | None:
    """The traceback as it would be without netvet: without the frames of its taps and of what ran the script."""
    if os.environ.get("NETVET_DEBUG"):
        return frames
    kept = [
        frame
        for frame in _chain(frames)
        if not frame.tb_frame.f_code.co_filename.startswith(PACKAGE)
        and "runpy" not in frame.tb_frame.f_code.co_filename
    ]
    following: TracebackType | None = None
    for frame in reversed(kept):
        following = TracebackType(following, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return following or frames


def _chain(frames: TracebackType | None) -> Iterator[TracebackType]:
    while frames is not None:
        yield frames
        frames = frames.tb_next
