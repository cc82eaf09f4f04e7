"""A working copy of the user's folder, in which a program may write whatever it likes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netvet.fixes.redirect import redirect

# Larger files are linked, as is what comes when so much has been copied: copying it all takes about half a second.
MAX_FILE, MAX_COPIED, MAX_FILES = 8 * 2**20, 128 * 2**20, 2_000
# Not needed by a program that runs: never copied; they are read where they are.
SKIPPED = (
    ".git", ".hg", ".venv", "venv", ".tox", ".netvet", "__pycache__", "node_modules", ".mypy_cache", ".ruff_cache",
    ".pytest_cache",
)  # fmt: skip
# Places of the system, and of caches, which are no output of a program.
_OPEN = ("/dev", "/proc", "/sys", "/run")
_CACHES = ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")


@dataclass
class _Spent:
    copied: int = 0
    files: int = 0


class WorkingCopy:
    """Which path a program is given in place of the one that it names.

    Args:
        folder: the user's folder.
        inside: an empty folder for what the program writes.

    Attributes:
        path: stands for the user's folder.
    """

    def __init__(self, folder: Path, inside: Path) -> None:
        self.path, self._elsewhere = inside.resolve() / "work", inside.resolve() / "elsewhere"
        self._originals = tuple(dict.fromkeys((str(folder.absolute()), str(folder.resolve()))))
        caches = [os.environ[name] for name in _CACHES if os.environ.get(name)]
        self._open = tuple(os.path.realpath(p) for p in (*_OPEN, *caches, str(Path.home() / ".cache")))
        self._temporary = (str(inside.resolve()), os.path.realpath(tempfile.gettempdir()), tempfile.gettempdir())
        self.path.mkdir()
        self._elsewhere.mkdir()
        self._fill(self._originals[-1], str(self.path), _Spent())

    def _fill(self, source: str, target: str, spent: _Spent) -> None:
        for entry in sorted(os.scandir(source), key=lambda e: (e.is_dir(), e.name)):
            if entry.name in SKIPPED:
                continue
            spent.files += 1
            made = os.path.join(target, entry.name)
            if entry.is_dir(follow_symlinks=False) and spent.files < MAX_FILES:
                os.mkdir(made)
                self._fill(entry.path, made, spent)
                continue
            small = entry.is_file(follow_symlinks=False) and (size := entry.stat().st_size) <= MAX_FILE
            if small and spent.copied + size <= MAX_COPIED and spent.files < MAX_FILES:
                spent.copied += size
                shutil.copy2(entry.path, made)
            elif entry.is_dir() or entry.is_file():
                os.symlink(os.path.realpath(entry.path), made)

    def to_read(self, path: str) -> str:
        """Where the program finds what it wants to read."""
        found = self._place(path)
        if found is None:
            return path
        return found if os.path.lexists(found) or self._mirrored(found) else path

    def to_write(self, path: str, *, keep: bool = True, follow: bool = True) -> str:
        """Where the program may write; links on the way have become copies.

        Args:
            keep: what is in the file is needed.
            follow: the file itself is written to, rather than removed or replaced.
        """
        found = self._place(path)
        if found is None:
            whole = os.path.normpath(os.path.join(os.getcwd(), path))
            if self._below(whole, (*self._temporary, *self._open)) is not None:
                return path
            found = f"{self._elsewhere}{whole}"
            if os.path.isdir(os.path.dirname(whole)):
                os.makedirs(os.path.dirname(found), exist_ok=True)
            if keep and follow and os.path.isfile(whole) and not os.path.lexists(found):
                shutil.copy2(whole, found)
            return found
        self._own(found, keep=keep, follow=follow)
        return found

    def _place(self, path: str) -> str | None:
        """The path within the copy, or where writing elsewhere went; None for what is not kept apart."""
        whole = os.path.normpath(os.path.join(os.getcwd(), path))
        below = self._below(whole, (str(self.path), str(self._elsewhere)))
        if below is not None:
            return whole
        below = self._below(whole, self._originals)
        if below is not None:
            return os.path.normpath(f"{self.path}/{below}")
        written = f"{self._elsewhere}{whole}"
        return written if os.path.lexists(written) and not os.path.isdir(written) else None

    def _mirrored(self, found: str) -> bool:
        return not set(os.path.relpath(found, self.path).split(os.sep)) & set(SKIPPED)

    @staticmethod
    def _below(path: str, folders: tuple[str, ...]) -> str | None:
        for folder in folders:
            if path == folder or path.startswith(folder.rstrip(os.sep) + os.sep):
                return path[len(folder) :].lstrip(os.sep)
        return None

    def _own(self, found: str, *, keep: bool, follow: bool) -> None:
        """Make copies of the links to the user's files on the way to a path."""
        parts = os.path.relpath(found, self.path).split(os.sep)
        here = str(self.path)
        for number, part in enumerate(parts):
            here, last = os.path.join(here, part), number == len(parts) - 1
            if not os.path.islink(here) or (last and not follow):
                if part in SKIPPED and not last and not os.path.lexists(here):
                    os.mkdir(here)
                continue
            meant = os.path.realpath(here)
            os.unlink(here)
            if os.path.isdir(meant):
                os.mkdir(here)
                for name in os.listdir(meant):
                    os.symlink(os.path.join(meant, name), os.path.join(here, name))
            elif not last or keep:
                shutil.copy2(meant, here)


@contextmanager
def working_copy(folder: str | os.PathLike[str], inside: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """A folder that stands for the user's while a program runs in it; the user's own stays as it is, byte by byte.

    The tree is copied up to a size, what is larger is linked and becomes a copy before it is written to. While
    entered, this is the working directory, and what Python code opens, makes, renames or removes by an absolute path in
    the user's folder, or anywhere outside temporary folders and caches, goes to the copy and is read back from there.
    Trackers (W&B, MLflow, Comet, Neptune) are offline.

    Not followed: a library that writes in C++ to an absolute path, or by a relative one into a file of the user's
    that was too large to copy (`torch.save`, SQLite and safetensors are); other programs that this one starts.

    Args:
        folder: the program's working directory.
        inside: an empty folder for the copy, to be removed by the caller; a temporary one without it.
    """
    with ExitStack() as undo:
        if inside is None:
            inside = undo.enter_context(tempfile.TemporaryDirectory(prefix="netvet-fix-"))
        copy = WorkingCopy(Path(folder), Path(inside))
        before = os.getcwd()
        undo.callback(os.chdir, before)
        os.chdir(copy.path)
        _environment(undo, copy.path)
        redirect(undo, copy)
        yield copy.path


def _environment(undo: ExitStack, path: Path) -> None:
    wanted = {
        "WANDB_MODE": "offline", "COMET_OFFLINE_DIRECTORY": str(path / ".comet"), "COMET_START_ONLINE": "0",
        "COMET_MODE": "offline", "NEPTUNE_MODE": "offline", "MLFLOW_TRACKING_URI": (path / "mlruns").as_uri(),
        "PWD": str(path),
    }  # fmt: skip
    for name, value in wanted.items():
        undo.callback(_restore, name, os.environ.get(name))
        os.environ[name] = value


def _restore(name: str, value: Any) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
