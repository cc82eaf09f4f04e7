"""Python's own functions that touch files, given other paths than the program names."""

from __future__ import annotations

import builtins
import functools
import io
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib import import_module
from threading import local
from types import ModuleType
from typing import Any, Protocol

from netvet.capture.imports import ImportListener

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Paths(Protocol):
    """Says which path stands for one that the program names."""

    def to_read(self, path: str) -> str:
        """Where to read."""

    def to_write(self, path: str, *, keep: bool = True, follow: bool = True) -> str:
        """Where to write."""


Translate = Callable[[str], str]


def redirect(undo: ExitStack, paths: Paths) -> None:
    """Let the program's calls go to other paths, until `undo` is closed."""
    own = _Own(undo)
    read, write = paths.to_read, paths.to_write
    new = functools.partial(paths.to_write, keep=False)
    itself = functools.partial(paths.to_write, follow=False)
    for owner in (builtins, io):
        own.wrap(owner, "open", lambda before: own.opening(before, read, write, new))
    own.wrap(os, "open", lambda before: own.os_opening(before, read, write))
    for name in ("stat", "lstat", "listdir", "scandir", "access", "chdir", "readlink"):
        own.first(os, name, read)
    for name in ("mkdir", "truncate", "chmod", "utime", "mkfifo", "rmdir"):
        own.first(os, name, write)
    for name in ("remove", "unlink"):
        own.first(os, name, itself)
    for name in ("rename", "replace"):
        own.both(os, name, write, itself)
    own.both(os, "link", read, itself)
    own.both(os, "symlink", lambda path: path, itself)
    own.first(shutil, "rmtree", write)
    for module in (sqlite3, sqlite3.dbapi2):
        own.first(
            module, "connect", lambda path: path if path == ":memory:" or path.startswith("file:") else write(path)
        )

    def of_torch(torch: ModuleType) -> None:
        own.first(torch, "save", new, position=1, name_of="f")
        own.first(torch, "load", read, name_of="f")
        with suppress(ImportError):
            own.first(import_module("safetensors.torch"), "serialize_file", new, position=1)

    listener = ImportListener({"torch": of_torch})
    listener.install()
    undo.callback(listener.remove)


class _Own:
    """Wraps functions; what is called while a path is worked out is not translated again."""

    def __init__(self, undo: ExitStack) -> None:
        self._undo = undo
        self._busy = local()

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        before = getattr(owner, name, None)
        if before is not None:
            setattr(owner, name, functools.wraps(before)(make(before)))
            self._undo.callback(setattr, owner, name, before)

    def translated(self, path: Any, translate: Translate) -> Any:
        """The path to use; what is no path (a number, a buffer) as it is."""
        if getattr(self._busy, "now", False) or not isinstance(path, (str, bytes, os.PathLike)):
            return path
        self._busy.now = True
        try:
            named = os.fspath(path)
            found = translate(os.fsdecode(named))
            return path if found == os.fsdecode(named) else os.fsencode(found) if isinstance(named, bytes) else found
        except (OSError, ValueError):  # the call itself says what is wrong with it
            return path
        finally:
            self._busy.now = False

    def first(self, owner: Any, name: str, translate: Translate, *, position: int = 0, name_of: str = "path") -> None:
        """A function with one path."""

        def make(before: Any) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                if kwargs.get("dir_fd") is None:
                    if len(args) > position:
                        path = self.translated(args[position], translate)
                        args = (*args[:position], path, *args[position + 1 :])
                    elif name_of in kwargs:
                        kwargs[name_of] = self.translated(kwargs[name_of], translate)
                return before(*args, **kwargs)

            return call

        self.wrap(owner, name, make)

    def both(self, owner: Any, name: str, source: Translate, target: Translate) -> None:
        """A function of two paths."""

        def make(before: Any) -> Any:
            def call(src: Any, dst: Any, **kwargs: Any) -> Any:
                if any(kwargs.get(k) is not None for k in ("src_dir_fd", "dst_dir_fd", "dir_fd")):
                    return before(src, dst, **kwargs)
                return before(self.translated(src, source), self.translated(dst, target), **kwargs)

            return call

        self.wrap(owner, name, make)

    def opening(self, before: Any, read: Translate, write: Translate, new: Translate) -> Any:
        def call(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            writes = isinstance(mode, str) and set(mode) & set("wax+")
            translate = read if not writes else new if "w" in mode else write
            return before(self.translated(file, translate), mode, *args, **kwargs)

        return call

    def os_opening(self, before: Any, read: Translate, write: Translate) -> Any:
        def call(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("dir_fd") is None:
                path = self.translated(path, write if flags & _WRITING else read)
            return before(path, flags, *args, **kwargs)

        return call
