"""What has changed in a figure since it was sent: figures of a training only grow at the end, most of the time."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

Figure = Mapping[str, Any]
COLUMNS = ("x", "y", "low", "high")


def change(old: Figure | None, new: Figure) -> dict[str, Any] | None:
    """What a page that shows `old` must be told to show `new`; None if nothing.

    Returns:
        `{"id", "whole": figure}`, or `{"id", "curves": [{"keep": n, "x", "y", ...}]}` (the first n values stay, the
        given ones follow), or `{"id", "keep": n, "columns", "cells"}` of a heat map.
    """
    if old == new:
        return None
    grown = None
    if old is not None and new["kind"] == "lines":
        grown = _lines(old, new)
    elif old is not None and new["kind"] == "heat":
        grown = _heat(old, new)
    return {"id": new["id"], **(grown if grown is not None else {"whole": new})}


def _lines(old: Figure, new: Figure) -> dict[str, Any] | None:
    if _rest(old, "curves") != _rest(new, "curves") or len(old["curves"]) != len(new["curves"]):
        return None
    pairs = list(zip(old["curves"], new["curves"], strict=True))
    if any(_rest(a, *COLUMNS) != _rest(b, *COLUMNS) or a.keys() != b.keys() for a, b in pairs):
        return None
    grown = []
    for before, after in pairs:
        columns = [name for name in COLUMNS if name in after]
        keep = min(_shared(before[name], after[name]) for name in columns)
        if keep < len(before["x"]) // 2:
            return None
        grown.append({"keep": keep, **{name: after[name][keep:] for name in columns}})
    return {"curves": grown}


def _heat(old: Figure, new: Figure) -> dict[str, Any] | None:
    if _rest(old, "columns", "cells") != _rest(new, "columns", "cells"):
        return None
    rows = len(new["rows"])
    before, after = (base64.b64decode(f["cells"]) for f in (old, new))
    same = _shared(old["columns"], new["columns"])
    keep = min(same, _shared(before, after) // max(rows, 1))
    if keep < len(old["columns"]) // 2:
        return None
    cells = base64.b64encode(after[keep * rows :]).decode("ascii")
    return {"keep": keep, "columns": new["columns"][keep:], "cells": cells}


def _rest(of: Figure, *names: str) -> dict[str, Any]:
    return {name: value for name, value in of.items() if name not in names}


def _shared(before: Sequence[Any], after: Sequence[Any]) -> int:
    """Length of the common beginning, by halving: comparing slices is fast."""
    if before == after[: len(before)]:
        return len(before)
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
