"""The Trainer of transformers: `trainer_state.json`, of a run or of its newest checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netvet.capture.logs.table import Rows, Table, UnreadableLog, cells

FILE = "trainer_state.json"
FORM = "Trainer of transformers"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
# The closing entry: times and means over the whole run, no point of a curve.
_CLOSING = ("train_runtime", "total_flos")
_SETTINGS = ("train_batch_size", "num_train_epochs", "logging_steps", "eval_steps", "max_steps")


def read(found: Mapping[str, Any], name: str, path: str) -> Table:
    """The history that a state holds.

    Raises:
        UnreadableLog: it holds none.
    """
    history = found.get("log_history")
    if not isinstance(history, list):
        raise UnreadableLog("a trainer_state.json without the list `log_history`")
    rows = Rows()
    for entry in history:
        if isinstance(entry, dict) and not all(key in entry for key in _CLOSING):
            rows.add(cells(entry))
    rows.set({key: found[key] for key in _SETTINGS if key in found})
    return rows.table(name, path, FORM)


def newest(files: list[Path]) -> Path:
    """Of the states of one run that of its last step: the run's own, or the checkpoint with the highest number."""
    return max(files, key=lambda file: (_step(file), file.stat().st_mtime))


def _step(file: Path) -> float:
    match = _CHECKPOINT.fullmatch(file.parent.name)
    return float(match[1]) if match else float("inf")


def home_of(file: Path) -> Path:
    """The folder of the run that a state belongs to."""
    return file.parent.parent if _CHECKPOINT.fullmatch(file.parent.name) else file.parent
