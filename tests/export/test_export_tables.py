"""What needs no service: which values go along, the tables, and what is said when a client is missing."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netvet import export
from netvet.cli.export import SERVICES
from netvet.core import NetvetError, Series
from netvet.export.content import facts_of
from netvet.export.curves import FEW, LEAST, curves_of, thinned, told
from netvet.export.names import accepted
from netvet.store import Run, RunWriter
from tests.export.runs import exporting, make_run, same, values_in


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return exporting(tmp_path, monkeypatch)


def test_a_short_series_is_exported_whole() -> None:
    series = Series.of([1.0, math.nan, 3.0], [0, 5, 9])
    assert thinned(series, 5) is series
    assert thinned(series, None) is series


@pytest.mark.parametrize("points", [5, 8, 50, 999])
def test_thinning_keeps_ends_extremes_and_what_is_not_finite(points: int) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=1000)
    values[[123, 777]] = 50.0, -50.0
    values[500] = np.nan
    series = thinned(Series.of(values.tolist(), list(range(0, 3000, 3))), points)
    assert len(series) <= points
    assert {0, 3 * 123, 3 * 777, 3 * 500, 2997} <= set(series.steps.tolist())
    assert np.all(np.diff(series.steps) > 0)
    assert np.array_equal(series.values, values[series.steps // 3], equal_nan=True)


def test_a_series_that_is_never_finite_is_thinned_too() -> None:
    assert set(thinned(Series.of([math.nan] * 100), 5).steps.tolist()) <= set(range(100))


def test_layers_share_what_signals_of_few_series_leave(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, "many")
    for step in range(300):
        writer.append(step, "loss", 1.0 / (step + 1), "train.py:1")
        for layer in range(FEW + 1):
            writer.append(step, "param_norm", float(step), f"layer{layer}")
    writer.close()
    run = Run.open(writer.path)
    curves = curves_of(run, (), 200, 200 + (FEW + 1) * 100)
    sizes = {one.name: len(one.series) for one in curves}
    assert 190 <= sizes.pop("loss/train.py:1") <= 200
    assert set(sizes.values()) <= set(range(3, 101))
    least = curves_of(run, ("param_norm",), 200, 10)
    assert max(len(one.series) for one in least) <= LEAST
    assert told(curves) is not None
    assert "of 10 series are thinned to at most" in str(told(curves))
    assert told(curves_of(run, (), None, None)) is None


def test_names_that_become_alike_are_numbered() -> None:
    found = accepted(["a[1", "a]1", "a_1", "x" * 300], r"[^\w]", 20)
    assert list(found.values())[:3] == ["a_1", "a_1_2", "a_1_3"]
    assert found["x" * 300] == "x" * 20


def table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text().splitlines()))


def test_csv_has_every_value_and_every_finding(place: Any, tmp_path: Path) -> None:
    run, netvet = place
    assert netvet("--to", "csv", "-o", "out") == 0
    rows = table(tmp_path / "out" / "values.csv")
    for name, wanted in values_in(run).items():
        signal, _, key = name.partition("/")
        mine = [row for row in rows if (row["signal"], row["key"]) == (signal, key)]
        assert same([(int(row["step"]), float(row["value"])) for row in mine], wanted)
    findings = table(tmp_path / "out" / "findings.csv")
    assert findings[0]["check"] == "double-softmax"
    assert (findings[0]["file"], findings[0]["line"], findings[0]["severity"]) == ("train.py", "5", "error")


def test_values_go_to_the_output_and_only_those_that_were_asked(place: Any, capsys: Any) -> None:
    _, netvet = place
    assert netvet("--to", "csv", "--only", "lr") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "run,signal,key,step,value,stands_for"
    assert {line.split(",")[1] for line in out.splitlines()[1:]} == {"lr"}
    assert err == ""


def test_jsonl_has_run_values_findings_and_diagnosis(place: Any, capsys: Any) -> None:
    run, netvet = place
    assert netvet("--to", "jsonl") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [line["kind"] for line in lines]
    assert kinds[0] == "run"
    losses = [(one["step"], float(one["value"])) for one in lines if one.get("signal") == "loss"]
    assert same(losses, values_in(run)["loss/train.py:9"])
    assert [one["check"] for one in lines if one["kind"] == "diagnosis"] == ["double-softmax", "lr-too-high"]
    first = next(one for one in lines if one["kind"] == "finding")
    assert (first["check"], first["of"]) == ("double-softmax", "cause")


def test_parquet_has_types_and_the_report(place: Any, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    run, netvet = place
    assert netvet("--to", "parquet", "-o", "out") == 0
    table = pq.read_table(tmp_path / "out" / "values.parquet")
    assert str(table.schema.field("step").type) == "int64"
    rows = table.to_pylist()
    for name, wanted in values_in(run).items():
        signal, _, key = name.partition("/")
        assert same([(r["step"], r["value"]) for r in rows if (r["signal"], r["key"]) == (signal, key)], wanted)
    assert json.loads(table.schema.metadata[b"netvet.report/1"])["schema"] == "netvet.report/1"
    assert pq.read_table(tmp_path / "out" / "findings.parquet").to_pylist()[0]["value"] == 1.46


def test_points_bound_every_series(place: Any, capsys: Any) -> None:
    _, netvet = place
    assert netvet("--to", "csv", "--points", "5", "--only", "loss") == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) <= 1 + 5
    assert "1 of 1 series are thinned to at most" in err


@pytest.mark.parametrize("service", ["csv", "jsonl", "parquet"])
def test_a_run_without_series_is_exported_too(place: Any, service: str, tmp_path: Path, capsys: Any) -> None:
    _, netvet = place
    writer = RunWriter.create(tmp_path / "empty", "data")
    writer.put_facts("run", [{"name": "data", "ended": None}])
    writer.close()
    if service == "parquet":
        pytest.importorskip("pyarrow.parquet")
    assert netvet("--to", service, "-o", "out", "--store", "empty") == 0
    assert "netvet: exported" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "csv", "--only", "los"], "no series 'los' in this run; did you mean loss?"),
        (["--to", "csv", "--only", "losses"], "no series 'losses' in this run"),
        (["--to", "csv", "--points", "3"], "expected a number of values from 5 on, or all; got '3'"),
        (["--to", "csv", "-o", "no/such/file.csv"], "cannot export to no/such/file.csv"),
        (["--to", "paper"], "'paper' is not one of"),
        ([], "Missing option '--to'"),
        (["--to", "csv", "nothing"], "no run 'nothing'"),
    ],
)
def test_bad_input_is_one_line(place: Any, capsys: Any, arguments: list[str], message: str) -> None:
    _, netvet = place
    assert netvet(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("netvet: error: ")
    assert message in line


def test_facts_are_flat_and_know_the_optimizer(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    view: Any = {"run": {"script": "t.py", "started": None, "ended": "ok", "steps": 3, "epochs": None, "seconds": 1.5}}
    view["run"] |= {"arguments": ["--lr", "1"], "environment": {"torch": "2", "cuda": None}}
    assert facts_of(run, view) == {
        "script": "t.py", "ended": "ok", "steps": 3, "seconds": 1.5, "arguments": "--lr 1", "environment/torch": "2",
        "optimizer/Adam": "Adam", "optimizer/Adam/lr": 0.5, "optimizer/Adam/betas": "[0.9, 0.99]",
        "loader/train.py:7/batch_size": 2,
    }  # fmt: skip


def test_the_command_line_knows_every_exporter() -> None:
    assert tuple(export.EXPORTERS) == SERVICES


CLIENTS = {name: one for name, one in export.EXPORTERS.items() if one.needs}
# The clients cannot be imported in this process; the rest of netvet can.
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
from netvet import cli, export
assert not {names!r} & set(sys.modules)
for name in export.EXPORTERS:
    try:
        export.require(name)
        print("ready", name)
    except Exception as error:
        print(type(error).__name__, error)
cli.main({arguments!r})
"""


def blocked(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    names = {one.needs.partition(".")[0] for one in CLIENTS.values()} | {"mcp"}
    code = BLOCKED.format(names=names, arguments=list(arguments))
    return subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )


def test_without_any_client_the_core_works_and_names_the_extra(tmp_path: Path) -> None:
    make_run(tmp_path / ".netvet" / "runs")
    (tmp_path / "wandb").mkdir()  # as W&B leaves it behind: no package
    done = blocked(tmp_path, "export", "--to", "csv", "--only", "lr")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("ready")] == ["ready csv", "ready jsonl"]
    for name, one in CLIENTS.items():
        wanted = f"NetvetError exporting to {name} needs {one.package}, which is not installed: "
        assert f"{wanted}pip install 'netvet[{one.extra}]'" in lines
    assert "run,signal,key,step,value,stands_for" in lines


def test_without_the_sdk_the_server_for_assistants_names_the_extra(tmp_path: Path) -> None:
    done = blocked(tmp_path, "mcp")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line == "netvet: error: the server for assistants needs the MCP SDK: pip install 'netvet[mcp]'"


def test_every_extra_of_the_table_is_declared() -> None:
    import tomllib

    root = Path(__file__).resolve().parents[2]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for one in CLIENTS.values():
        assert any(line.startswith(one.package) for line in extras[one.extra])


def test_an_unknown_exporter_is_refused() -> None:
    with pytest.raises(NetvetError, match="cannot export to 'paper'; expected one of: tensorboard"):
        export.require("paper")
