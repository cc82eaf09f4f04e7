"""What `make bench-detection` measured of each check, for its page; where nothing was measured, the pages say so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from netvet.core import Check

# Written by `python -m benchmarks.detection --figures FILE`.
FIGURES = Path(__file__).resolve().parent.parent / "docs" / "figures" / "detection.json"

_HEAD = """
Each check comes with at least one sick program: an ordinary training script of `tests/sick/` with exactly one fault.
The programs of `tests/healthy/` look suspicious and are right. `make bench-detection` runs all of them at several
seeds. A check is *found* where it is among the findings, *first* where the diagnosis begins with it or with another
name that is right too. These programs were used to develop the checks; [programs that were
not](../README.md#measured) are harder.
"""


def figures(path: Path = FIGURES) -> dict[str, Any] | None:
    """What was measured; None where nothing was."""
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found


def sentence(name: str, measured: Mapping[str, Any] | None) -> str:
    """What a check's page says of it."""
    one = (measured or {"checks": {}})["checks"].get(name)
    if measured is None or one is None or not one["runs"]:
        return "How often it is right: [not measured](../measured.md)."
    line = f", right line in {one['located']} of {one['locatable']}" if one["locatable"] else ""
    alarms = f"false alarms in {one['false_alarms']} of {measured['healthy_runs']} runs of healthy programs"
    sick = f"{one['runs']} run{'s' * (one['runs'] != 1)} of sick programs"
    return f"[Measured](../measured.md) on {sick}: found in {one['found']}, first in {one['first']}{line}; {alarms}."


def measured_page(checks: Sequence[Check], measured: Mapping[str, Any] | None) -> str:
    """The table of all checks."""
    return "\n".join(["# How often it is right", "", _HEAD.strip(), "", *_table(checks, measured), ""])


def _table(checks: Sequence[Check], measured: Mapping[str, Any] | None) -> Iterator[str]:
    if measured is None:
        yield "Not measured: no figures of a whole run are kept yet."
        return
    seeds = ", ".join(map(str, measured["seeds"]))
    runs, first, lines, located, alarms = (
        sum(one[k] for one in measured["checks"].values())
        for k in ("runs", "first", "locatable", "located", "false_alarms")
    )
    yield (
        f"In all: first in {first} of {runs} runs of sick programs, the right line in {located} of {lines}, {alarms} "
        f"false alarms in {measured['healthy_runs']} runs of healthy programs. Seeds: {seeds}."
    )
    yield ""
    yield "| check | sick runs | found | first | right line | false alarms |"
    yield "|---|---:|---:|---:|---:|---:|"
    for check in checks:
        one = measured["checks"].get(check.name)
        link = f"[{check.name}](checks/{check.name}.md)"
        if one is None or not one["runs"]:
            yield f"| {link} | not measured | | | | {one['false_alarms'] if one else 0} |"
            continue
        line = f"{one['located']} of {one['locatable']}" if one["locatable"] else "-"
        yield f"| {link} | {one['runs']} | {one['found']} | {one['first']} | {line} | {one['false_alarms']} |"
