"""Weights & Biases: a run with its series, a summary, a table of findings and an alert.

Nothing is sent unless WANDB_MODE says so: the run is written to a folder, and `wandb sync` uploads it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TextIO

from netvet.export.content import Content, rows_of
from netvet.report.view import FindingView

FOLDER = Path(".netvet")
COLUMNS = ("severity", "check", "message", "where", "step", "file", "line", "allowed")


def export(content: Content, output: str | None, stream: TextIO) -> str:
    """Write a run; WANDB_PROJECT and WANDB_ENTITY say where it belongs."""
    import wandb

    folder, mode = Path(output) if output else FOLDER, os.environ.get("WANDB_MODE") or "offline"
    folder.mkdir(parents=True, exist_ok=True)
    # What W&B records by itself is about this process, not about the training.
    settings = wandb.Settings(
        silent=True, console="off", disable_git=True, disable_code=True, save_code=False, x_disable_stats=True,
        x_disable_meta=True,
    )  # fmt: skip
    project = os.environ.get("WANDB_PROJECT") or "netvet"
    run = wandb.init(
        project=project, name=content.name, dir=str(folder), mode=mode, config=dict(content.facts), settings=settings,
        tags=[one["check"][:64] for one in content.view["diagnosis"]], notes=content.words, reinit="create_new",
    )  # fmt: skip
    try:
        _log(run, content, wandb)
        place = str(Path(run.settings.sync_dir))
    finally:
        run.finish()
        wandb.teardown()  # its own process writes the end of the file only now
    return f"{place}; send it with: wandb sync {place}" if mode == "offline" else str(run.url or place)


def _log(run: Any, content: Content, wandb: Any) -> None:
    for step, values in rows_of(content):
        run.log(values, step=step)
    findings = content.view["findings"]
    table = wandb.Table(columns=list(COLUMNS), data=[_row(one) for one in findings])
    run.log(
        {"netvet/findings": table, "netvet/report": wandb.Html(content.page(), inject=False)}, step=content.last_step
    )
    for severity, count in content.counts.items():
        run.summary[f"netvet/{severity}s"] = count
    for verdict in content.view["diagnosis"][:1]:
        run.summary["netvet/diagnosis"] = "undetermined" if verdict["undetermined"] else verdict["check"]
        run.summary["netvet/because"] = verdict["because"]
    for one in findings:
        if one["severity"] == "error" and one["allowed"] is None:
            run.alert(title=f"netvet: {one['check']}", text=one["message"], level=wandb.AlertLevel.ERROR)


def _row(one: FindingView) -> list[Any]:
    place = one["location"]
    file, line = (place["file"], place["line"]) if place else (None, None)
    return [one["severity"], one["check"], one["message"], one["where"], one["step"], file, line, one["allowed"]]
