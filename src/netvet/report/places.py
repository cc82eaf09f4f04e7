"""Where a finding is, as hosts of code want it: below the folder that they know, with slashes."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from netvet.report.view import FindingView, View


def below(file: str, folder: Path, root: Path) -> str:
    """The path of a file relative to the root; as it is where it lies elsewhere.

    Args:
        folder: what relative paths of the report are relative to.
        root: the folder that the host knows.
    """
    path = PurePath(os.path.normpath(folder / file))
    return (path.relative_to(root) if path.is_relative_to(root) else PurePath(file)).as_posix()


def place_of(finding: FindingView, view: View) -> tuple[str, int] | None:
    """File and line of a finding; the first line of the script for one that has no place of its own."""
    if finding["location"] is not None:
        return finding["location"]["file"], max(1, finding["location"]["line"])
    script = view["run"]["script"]
    return (script, 1) if script else None
