"""JSON: a state of transformers' Trainer, a Keras History, a list of records; and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from netvet.capture.logs import trainer_state
from netvet.capture.logs.lines import lines, opened, whole
from netvet.capture.logs.table import Rows, Table, UnreadableLog, cells, number

LINES, HISTORY, RECORDS = "JSON lines", "Keras History", "JSON records"


def read(file: Path, name: str) -> Table:
    """A JSON file, whichever of these it is.

    Raises:
        UnreadableLog: it is none of them.
    """
    text = whole(file)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        if "\n" in text.strip():
            with opened(file) as stream:
                return read_lines(stream, name, str(file))
        raise UnreadableLog("not whole JSON (cut off, or something else)") from None
    return of_value(found, name, str(file))


def of_value(found: Any, name: str, path: str) -> Table:
    """A parsed JSON value.

    Raises:
        UnreadableLog: it is no log.
    """
    if isinstance(found, dict):
        if "log_history" in found:
            return trainer_state.read(found, name, path)
        history = found.get("history") if isinstance(found.get("history"), dict) else found
        if isinstance(history, dict) and _is_history(history):
            return _history(history, name, path)
    if isinstance(found, list) and any(isinstance(one, dict) for one in found):
        rows = Rows()
        for one in found:
            if isinstance(one, dict):
                rows.add(cells(one))
        return rows.table(name, path, RECORDS)
    what = "a list of numbers for each metric, a list of records, or `log_history`"
    raise UnreadableLog(f"JSON, but not a log: expected {what}")


def _is_history(found: Mapping[str, Any]) -> bool:
    lists = [v for v in found.values() if isinstance(v, list) and v and number(v[0]) is not None]
    return bool(lists) and len(lists) >= len(found) / 2


def _history(found: Mapping[str, Any], name: str, path: str) -> Table:
    """Of `History.history`: one value an epoch."""
    rows = Rows()
    columns = {str(key): values for key, values in found.items() if isinstance(values, list)}
    for epoch in range(max(map(len, columns.values()))):
        row = {key: values[epoch] for key, values in columns.items() if epoch < len(values)}
        rows.add(cells({"epoch": epoch, **row}))
        if rows.full:
            break
    return rows.table(name, path, HISTORY)


def read_lines(stream: TextIO, name: str, path: str) -> Table:
    """One record a line; a last line that is cut off is said.

    Raises:
        UnreadableLog: no line is a record.
    """
    rows, bad, good = Rows(), 0, 0
    torn = False
    for line in lines(stream, rows):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            bad, torn = bad + 1, True
            continue
        torn = False
        if isinstance(record, dict):
            good += 1
            rows.add(cells(record))
    if not good:
        raise UnreadableLog("no line of it is a JSON record")
    if bad:
        rows.say("the last line is cut off" if bad == 1 and torn else f"{bad:,} lines are no JSON and were left out")
    return rows.table(name, path, LINES)
