"""Aim: a run with its series, the verdict as its description, findings and facts as its parameters.

The client of Aim finds runs by an index, which only its user interface keeps: the run is put in it here, so that
`aim.Repo` reads it back at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

from netvet.export.content import Content
from netvet.report.as_json import as_json

FOLDER = Path(".netvet/aim")
EXPERIMENT = "netvet"


def export(content: Content, output: str | None, stream: TextIO) -> str:
    """Write a run of the experiment `netvet`.

    Args:
        output: a folder, made where there is none, or the address of a server (`aim://host:port`).
    """
    from aim import Repo, Run

    remote = output is not None and "://" in output
    where = str(output) if remote else str(Path(output or FOLDER).absolute())
    if not remote:
        Path(where).mkdir(parents=True, exist_ok=True)
    repo = Repo.from_path(where, init=not remote)
    # What Aim records by itself is about this process, not about the training.
    run = Run(repo=repo, experiment=EXPERIMENT, system_tracking_interval=None, capture_terminal_logs=False)
    try:
        _write(run, content)
    finally:
        name = run.hash
        run.close()
    if not remote:
        from aim.sdk.index_manager import RepoIndexManager

        RepoIndexManager(repo).index(name)
    shown = f"; look at it with: aim up --repo {where}" if not remote else ""
    return f"run {name} of the experiment {EXPERIMENT} in {where}{shown}"


def _write(run: Any, content: Content) -> None:
    import json

    run.name, run.description = content.name, content.words
    run["facts"] = dict(content.facts)
    report = json.loads(as_json(content.view))
    run["netvet"] = {name: report[name] for name in ("findings", "diagnosis", "not_assessed")} | {
        f"{severity}s": count for severity, count in content.counts.items()
    }
    for verdict in content.view["diagnosis"]:
        run.add_tag(verdict["check"])
    for one in content.curves:
        for step, value in zip(one.series.steps.tolist(), one.series.values.tolist(), strict=True):
            run.track(value, name=one.name, step=step)
