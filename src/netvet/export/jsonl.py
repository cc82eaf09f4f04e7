"""JSONL: one JSON object a line, `kind` says what: `run`, `value`, `finding`, `diagnosis`, `not_assessed`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from netvet.export.content import Content
from netvet.report.view import plain


def export(content: Content, output: str | None, stream: TextIO) -> str | None:
    """Write the lines to a file, or to the stream."""
    if output is None or output == "-":
        _write(stream, content)
        return None
    with Path(output).open("w", encoding="utf-8") as file:
        _write(file, content)
    return output


def _write(file: TextIO, content: Content) -> None:
    for line in _lines(content):
        file.write(json.dumps(line, allow_nan=False) + "\n")


def _lines(content: Content) -> Iterator[dict[str, Any]]:
    view, run = content.view, content.name
    yield {"kind": "run", "run": run, **{k: v for k, v in view["run"].items() if k != "name"}}
    for curve in content.curves:
        series = curve.series
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
            about = {"kind": "value", "run": run, "signal": curve.signal, "key": curve.key or None, "step": step}
            yield about | {"value": plain(value)}
    yield from ({**one, "kind": "finding", "run": run, "of": one["kind"]} for one in view["findings"])
    yield from ({"kind": "diagnosis", "run": run, **one} for one in view["diagnosis"])
    yield from ({"kind": "not_assessed", "run": run, **one} for one in view["not_assessed"])
