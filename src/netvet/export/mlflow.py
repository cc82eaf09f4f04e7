"""MLflow: a run with metrics, parameters, tags, and the report as artifacts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TextIO

from netvet.export.content import Content
from netvet.export.names import accepted
from netvet.report.as_json import as_json

FOLDER = Path(".netvet/mlflow")
EXPERIMENT = "netvet"
# What names of metrics and parameters may hold on every server, and how much one request takes.
_REFUSED = r"[^\w\-. /]"
_BATCH = 1_000
_PARAMS = 100
_MAX_PARAM = 500
_STATUS = {"ok": "FINISHED", "interrupt": "KILLED", "stopped": "KILLED", "terminated": "KILLED"}


def export(content: Content, output: str | None, stream: TextIO) -> str:
    """Make a run in the experiment `netvet` (or MLFLOW_EXPERIMENT_NAME) of a store.

    Args:
        output: address of a server or store, or a folder, which gets `mlflow.db` and the artifacts; else
            MLFLOW_TRACKING_URI, else a folder.
    """
    from mlflow import MlflowClient

    where = output or os.environ.get("MLFLOW_TRACKING_URI") or str(FOLDER)
    uri, artifacts = _store(where)
    client = MlflowClient(tracking_uri=uri)
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    known = client.get_experiment_by_name(name)
    experiment = known.experiment_id if known else client.create_experiment(name, artifact_location=artifacts)
    run = client.create_run(experiment, _millis(content, 0), _tags(content), content.name).info.run_id
    _write(client, run, content)
    ended = content.view["run"]["ended"]
    if ended is not None:  # it trains on, or was killed
        client.set_terminated(run, _STATUS.get(ended, "FAILED"), _millis(content, content.last_step))
    return f"run {run} of the experiment {name} in {uri}; look at it with: mlflow ui --backend-store-uri {uri}"


def _store(where: str) -> tuple[str, str | None]:
    if "://" in where or ":" in where.partition("/")[0]:
        return where, None
    folder = Path(where).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri()


def _write(client: Any, run: str, content: Content) -> None:
    from mlflow.entities import Metric, Param

    names = accepted((one.name for one in content.curves), _REFUSED)
    metrics = [
        Metric(names[one.name], value, _millis(content, step), step)
        for one in content.curves
        for step, value in zip(one.series.steps.tolist(), one.series.values.tolist(), strict=True)
    ]
    end = content.last_step
    metrics += [Metric(f"netvet/{name}s", float(n), _millis(content, end), end) for name, n in content.counts.items()]
    for first in range(0, len(metrics), _BATCH):
        client.log_batch(run, metrics=metrics[first : first + _BATCH])
    facts = accepted(content.facts, _REFUSED)
    params = [Param(facts[name], str(value)[:_MAX_PARAM]) for name, value in content.facts.items()]
    for first in range(0, len(params), _PARAMS):
        client.log_batch(run, params=params[first : first + _PARAMS])
    client.log_text(run, as_json(content.view), "report.json")
    client.log_text(run, content.page(), "report.html")


def _tags(content: Content) -> dict[str, str]:
    tags = {"mlflow.note.content": content.words, "netvet.run": content.name}
    for verdict in content.view["diagnosis"][:1]:
        tags["netvet.diagnosis"] = "undetermined" if verdict["undetermined"] else verdict["check"]
        tags["netvet.because"] = verdict["because"][:_MAX_PARAM]
    return tags


def _millis(content: Content, step: int) -> int:
    return int(1000 * content.time_of(step))
