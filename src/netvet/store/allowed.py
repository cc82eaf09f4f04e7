"""Findings of one run that somebody has acknowledged on its page, kept in the folder of the run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from netvet.core import NetvetError

FILE = "allowed.json"
# A file larger than this was not written by us.
MAX_BYTES = 1_000_000


def allowed_of(run: Path) -> dict[str, str]:
    """`check` or `check:where` -> the reason; empty where nothing was acknowledged or the file cannot be read."""
    try:
        file = run / FILE
        if file.stat().st_size > MAX_BYTES:
            return {}
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(reason) for key, reason in found.items()} if isinstance(found, dict) else {}


def allow(run: Path, key: str, reason: str | None) -> Mapping[str, str]:
    """Acknowledge a finding, or take that back.

    Args:
        run: folder of the run. key: `check` or `check:where`.
        reason: why it is right as it is; None takes it back.

    Raises:
        NetvetError: the file cannot be written; it is then as it was.
    """
    kept = {name: why for name, why in allowed_of(run).items() if name != key}
    if reason is not None:
        kept[key] = reason
    file, new = run / FILE, run / f"{FILE}.{os.getpid()}"
    try:
        new.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        new.replace(file)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise NetvetError(f"cannot write {file}: {error.strerror or error}") from error
    return kept
