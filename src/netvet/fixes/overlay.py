"""Patched sources take the place of files: imported, compiled and shown in tracebacks, and never written."""

from __future__ import annotations

import importlib
import linecache
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any


class Overlay:
    """Sources by their files.

    Args:
        sources: path of a file -> the text that takes its place.
        folders: folder on the module search path -> the one that is meant (a working copy -> what it is a copy of).
    """

    def __init__(self, sources: Mapping[str, str], folders: Mapping[str, str] | None = None) -> None:
        self._sources = {os.path.realpath(path): text for path, text in sources.items()}
        self._folders = {os.path.realpath(copy): meant for copy, meant in (folders or {}).items()}
        self._names = {os.path.basename(path) for path in self._sources}
        self._known: dict[tuple[str, str], str] = {}
        self._shown: dict[str, Any] = {}

    def source(self, path: str | os.PathLike[str]) -> str | None:
        """The text that takes the place of a file; None where the file stays as it is."""
        if os.path.basename(path) not in self._names:
            return None  # asked at every import
        return self._sources.get(os.path.realpath(path))

    def compile_script(self, path: str | os.PathLike[str]) -> CodeType:
        """The code of a script, patched where it is to be; its file name is that of the script.

        Raises:
            OSError: the script cannot be read; SyntaxError: the text is no Python.
        """
        text, name = self.source(path), str(Path(path).absolute())
        if text is None:
            return compile(Path(path).read_bytes(), name, "exec", dont_inherit=True)
        return self.compiled(text, name)

    def compiled(self, text: str, name: str) -> CodeType:
        """The code of a text that stands for the file of this name, which tracebacks show from now on."""
        self._shown.setdefault(name, linecache.cache.get(name))
        # Without a time of change nobody looks whether the file itself has changed.
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        return compile(text, name, "exec", dont_inherit=True)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As a meta path finder: modules of patched files, and those below a folder that stands for another."""
        given = list(sys.path if path is None else path)
        searched = [self._meant(entry) for entry in given]
        if not self._names and searched == given:
            return None
        spec = PathFinder.find_spec(name, searched, target)
        if spec is None or not isinstance(spec.loader, SourceFileLoader) or spec.origin is None:
            return None
        if self.source(spec.origin) is None:
            return spec if searched != given else None
        spec.loader, spec.cached = _Loader(name, spec.origin, self), None
        return spec

    def _meant(self, entry: str) -> str:
        if not self._folders or not isinstance(entry, str):
            return entry
        key = (entry, "" if os.path.isabs(entry) else os.getcwd())
        if key not in self._known:
            real = os.path.realpath(entry or key[1])
            found = [meant + real[len(copy) :] for copy, meant in self._folders.items() if _is_below(real, copy)]
            self._known[key] = found[0] if found else entry
        return self._known[key]

    def take_out(self) -> None:
        """Show the files themselves again, and forget the modules that were made of patched sources."""
        for name, before in self._shown.items():
            if before is None:
                linecache.cache.pop(name, None)
            else:
                linecache.cache[name] = before
        for name, module in list(sys.modules.items()):
            loader = getattr(getattr(module, "__spec__", None), "loader", None)
            if isinstance(loader, _Loader) and loader.overlay is self:
                del sys.modules[name]


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


class _Loader(SourceFileLoader):
    """Compiles the patched text; no .pyc is read or written."""

    def __init__(self, name: str, path: str, overlay: Overlay) -> None:
        super().__init__(name, path)
        self.overlay = overlay

    def get_code(self, fullname: str) -> CodeType:
        return self.overlay.compiled(self.get_source(fullname), self.get_filename(fullname))

    def get_source(self, fullname: str) -> str:
        text = self.overlay.source(self.get_filename(fullname))
        if text is None:
            raise ImportError(f"no source for {fullname}", name=fullname)
        return text


@contextmanager
def patched(sources: Mapping[str, str], folders: Mapping[str, str] | None = None) -> Iterator[Overlay]:
    """While entered, modules of these files are made of the given texts; packages and relative imports work as ever.

    Modules that are imported already stay as they are. Processes that are started afresh ("spawn") see the files;
    forked ones see the texts.

    Args:
        sources: path of a file -> the text that takes its place.
        folders: folder on the module search path -> the one that is meant.
    """
    overlay = Overlay(sources, folders)
    sys.meta_path.insert(0, overlay)
    importlib.invalidate_caches()
    try:
        yield overlay
    finally:
        sys.meta_path.remove(overlay)
        overlay.take_out()
