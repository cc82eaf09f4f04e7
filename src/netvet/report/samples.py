"""Samples that were searched for, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netvet.report.plain import cells, clean

# A path beyond this pushes the other columns off the screen; its end says more than its begin.
_MAX_CELL = 60


def table(found: Mapping[str, Any]) -> list[str]:
    """How many there are, and one line for each, under titles.

    Args:
        found: `names` of columns, `rows` of values, `count` of all samples that match, `total` of all samples.
    """
    rows = [[_cell(name) for name in found["names"]], *([_cell(value) for value in row] for row in found["rows"])]
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    said = f"{found['count']:,} of {found['total']:,} samples"
    if len(found["rows"]) < found["count"]:
        said += f"; the first {len(found['rows']):,} (--limit shows more)"
    return [said, *(_line(row, widths) for row in rows)] if found["rows"] else [said]


def _line(row: list[str], widths: list[int]) -> str:
    padded = (cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True))
    return "  ".join(padded).rstrip()


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5g}"
    text = str(value)
    return clean(text if len(text) <= _MAX_CELL else f"...{text[3 - _MAX_CELL :]}")
