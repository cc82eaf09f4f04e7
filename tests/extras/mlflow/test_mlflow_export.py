"""What MLflow's own client reads of an export."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from tests.export.runs import exporting, same, values_in

# MLflow's own: it uses what SQLAlchemy is about to remove.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        run, netvet = exporting(folder, patch)
        assert netvet("--to", "mlflow", "-o", "kept") == 0
    uri = f"sqlite:///{folder / 'kept' / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("netvet")
    (made,) = client.search_runs([experiment.experiment_id])
    return run, client, made, uri


def test_values_and_steps_are_those_of_the_store(exported: Any) -> None:
    run, client, made, _ = exported
    names = {"param_norm/net.0 [a]": "param_norm/net.0 _a_", "param_norm/net.0 (a]": "param_norm/net.0 _a__2"}
    for name, wanted in values_in(run).items():
        # MLflow keeps the largest number for infinity.
        most = sys.float_info.max
        shown = [(step, max(-most, min(most, value))) if value == value else (step, value) for step, value in wanted]
        history = client.get_metric_history(made.info.run_id, names.get(name, name.replace(":", "_")))
        assert same(sorted((one.step, one.value) for one in history), shown)


def test_run_has_facts_tags_counts_and_an_end(exported: Any) -> None:
    run, _, made, _ = exported
    assert made.info.run_name == run.path.name
    assert made.info.status == "FINISHED"
    assert made.info.end_time - made.info.start_time == 20_000
    assert made.data.params["optimizer/Adam/lr"] == "0.5"
    assert made.data.params["script"] == "train.py"
    assert made.data.tags["netvet.diagnosis"] == "double-softmax"
    assert (made.data.metrics["netvet/errors"], made.data.metrics["netvet/warnings"]) == (1, 2)


def test_report_and_page_are_artifacts(exported: Any) -> None:
    _, _, made, uri = exported
    report, page = (
        Path(download_artifacts(run_id=made.info.run_id, artifact_path=name, tracking_uri=uri))
        for name in ("report.json", "report.html")
    )
    assert json.loads(report.read_text())["schema"] == "netvet.report/1"
    assert 'id="netvet-page"' in page.read_text()


def test_a_second_export_is_a_second_run(exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client, _, uri = exported
    _, netvet = exporting(tmp_path, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert netvet("--to", "mlflow", "--only", "lr") == 0
    experiment = client.get_experiment_by_name("netvet")
    assert len(client.search_runs([experiment.experiment_id])) == 2
