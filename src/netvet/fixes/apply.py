"""Write a patch into the program's files: shown first, kept as a backup, never half."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from netvet.core import NetvetError
from netvet.fixes.source import Patch

BACKUP = ".before-netvet"


def apply(patch: Patch, *, dirty: bool = False) -> list[Path]:
    """Write the new texts; what was there is kept beside each file.

    Args:
        dirty: also where a file holds changes that git does not have.

    Returns:
        The backups.

    Raises:
        NetvetError: a file has changed since the trial, holds uncommitted changes, or cannot be written.
    """
    for name, before in patch.before.items():
        path = Path(name)
        if not path.is_file() or path.read_bytes() != before.encode():
            raise NetvetError(f"{path} is not what was tried any more; run `netvet fix` again")
        if not dirty and _is_dirty(path):
            raise NetvetError(f"{path} holds changes that are not committed; commit them, or give --allow-dirty")
        if not os.access(path, os.W_OK):
            raise NetvetError(f"{path} cannot be written")
    backups = []
    for name in patch.texts:
        path = Path(name)
        backup = path.with_name(path.name + BACKUP)
        shutil.copy2(path, backup)
        backups.append(backup)
    for name, text in patch.texts.items():
        _write(Path(name), text)
    return backups


def _is_dirty(path: Path) -> bool:
    """Whether git knows the file, and in another state."""
    command = ["git", "-C", str(path.parent), "status", "--porcelain", "--", path.name]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return told.returncode == 0 and any(not line.startswith(("??", "!!")) for line in told.stdout.splitlines())


def _write(path: Path, text: str) -> None:
    """At once: whoever reads meanwhile gets the old text or the new one."""
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".netvet")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        shutil.copymode(path, made)
        os.replace(made, path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
