"""TensorBoard: an event file with scalars, the verdict and the findings as text, facts as hyperparameters.

Values are 32-bit floats there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from netvet.core import NetvetError
from netvet.export.content import Content, rows_of
from netvet.report.view import View

FOLDER = Path(".netvet/tensorboard")


def export(content: Content, output: str | None, stream: TextIO) -> str:
    """Write a folder with the name of the run below the output."""
    from tensorboardX import SummaryWriter
    from tensorboardX.summary import hparams

    root = Path(output) if output else FOLDER
    folder = root / content.name
    if folder.exists() and any(folder.iterdir()):
        raise NetvetError(f"{folder} holds an export already; remove it, or give another folder with -o")
    with SummaryWriter(logdir=str(folder), write_to_disk=True) as writer:
        end = content.last_step
        for step, values in rows_of(content):
            _write(writer.file_writer, values, step, content.time_of(step))
        metrics = {f"netvet/{severity}s": float(count) for severity, count in content.counts.items()}
        _write(writer.file_writer, metrics, end, content.time_of(end))
        writer.add_text("netvet/verdict", _quoted(content.words), end, content.time_of(end))
        writer.add_text("netvet/findings", _table(content.view), end, content.time_of(end))
        for summary in hparams(dict(content.facts), metrics):
            writer.file_writer.add_summary(summary)
    return f"{folder}; look at it with: tensorboard --logdir {root}"


def _write(file: Any, values: Mapping[str, float], step: int, time: float) -> None:
    """All values of a step as one event: an event for each would take a hundred times as long."""
    # Not `add_scalar`, which prints a line for each value that is not finite and rewrites names.
    from tensorboardX.proto.summary_pb2 import Summary

    scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    file.add_summary(Summary(value=scalars), step, time)


def _quoted(text: str) -> str:
    """As a block of code: TensorBoard reads texts as Markdown."""
    return "".join(f"    {line}\n" for line in text.splitlines())


def _table(view: View) -> str:
    rows = ["| severity | check | message | where | step | place |", "|---|---|---|---|---|---|"]
    for one in view["findings"]:
        place = f"{one['location']['file']}:{one['location']['line']}" if one["location"] else ""
        cells = (one["severity"], one["check"], one["message"], one["where"] or "", one["step"], place)
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(rows)


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text.replace("\\", "\\\\").replace("|", "\\|")
