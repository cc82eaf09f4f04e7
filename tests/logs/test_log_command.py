from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from netvet import cli
from netvet.report import schemas
from netvet.report.as_json import schema


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "NETVET_DEBUG"):
        monkeypatch.delenv(name, raising=False)


def diagnose(*arguments: object, capture: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(["diagnose", *map(str, arguments)])
    printed = capture.readouterr()
    return int(left.value.code or 0), printed.out, printed.err


def test_a_log_gets_a_report_that_says_what_was_read_as_what(corpus, capsys):
    status, out, err = diagnose(corpus / "sick" / "logarithm_of_zero", capture=capsys)
    assert status == 1
    assert "Read as: epoch = epoch; loss = train_loss;" in out.replace("\n", " ").replace("  ", " ")
    assert "loss-not-finite" in out
    assert "the loss is NaN at epoch 7" in out
    assert not err


def test_a_healthy_log_ends_with_zero(corpus, capsys):
    status, out, _ = diagnose(corpus / "healthy" / "sgd_by_epoch", capture=capsys)
    assert status == 0
    assert "No fault seen in this log" in out


@pytest.mark.parametrize(
    ("options", "status"),
    [((), 0), (("--fail-on", "warning"), 1), (("--fail-on", "warning", "--allow", "overfitting=we know"), 0)],
)
def test_findings_at_the_severity_asked_for_decide_the_exit_code(corpus, capsys, options, status):
    assert diagnose(corpus / "sick" / "learned_by_heart", *options, capture=capsys)[0] == status


def test_the_json_keeps_its_schema(corpus, capsys):
    _, out, _ = diagnose(corpus / "sick" / "adam_at_one", "--json", "-", capture=capsys)
    view = json.loads(out)
    jsonschema.validate(view, schema())
    assert view["log"]["form"] == "CSV"
    assert {one["role"] for one in view["log"]["columns"]} >= {"epoch", "loss", "val_loss", "lr"}


def test_sarif_has_a_run_for_each_log(corpus, capsys):
    logs = [corpus / "sick" / name for name in ("adam_at_one", "learned_by_heart")]
    _, out, _ = diagnose(*logs, "--sarif", "-", capture=capsys)
    assert [len(run["results"]) > 0 for run in json.loads(out)["runs"]] == [True, True]


def test_the_page_is_one_file(corpus, capsys, tmp_path):
    _, _, err = diagnose(corpus / "sick" / "learned_by_heart", "--html", tmp_path / "page.html", capture=capsys)
    assert "wrote" in err
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_several_runs_have_a_page_each(corpus, capsys, tmp_path):
    logs = [corpus / "healthy" / name for name in ("sgd_by_epoch", "few_values")]
    diagnose(*logs, "--html", tmp_path / "page.html", capture=capsys)
    assert sorted(p.name for p in tmp_path.glob("*.html")) == ["page-few_values.html", "page-sgd_by_epoch.html"]


def test_reads_the_standard_input(corpus, capsys, monkeypatch):
    text = (corpus / "sick" / "too_large_a_net" / "train.log").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    status, out, _ = diagnose("-", capture=capsys)
    assert status == 0
    assert "overfitting" in out


def test_the_user_says_what_a_column_is(corpus, capsys):
    log = corpus / "sick" / "learned_by_heart"
    _, out, _ = diagnose(log, "--column", "val_loss=train_loss", "--column", "loss=val_loss", capture=capsys)
    assert "overfitting" not in out


def test_bad_logs_are_told_and_good_ones_judged_all_the_same(corpus, capsys, tmp_path):
    (tmp_path / "empty.csv").touch()
    status, out, err = diagnose("empty.csv", corpus / "healthy" / "few_values", "nowhere.csv", capture=capsys)
    assert status == 2
    assert "No fault seen in this log" in out
    assert err.splitlines() == [
        "netvet: error: empty.csv: empty",
        "netvet: error: nowhere.csv: there is no such file or folder",
    ]


@pytest.mark.parametrize("column", ["loss", "lossy=a", "loss=nowhere"])
def test_a_column_that_cannot_be_is_one_clear_line(corpus, capsys, column):
    status, _, err = diagnose(corpus / "healthy" / "few_values", "--column", column, capture=capsys)
    assert status == 2
    assert len(err.splitlines()) == 1


def test_a_run_that_is_not_there_is_one_clear_line(capsys):
    status, _, err = diagnose("some-run", capture=capsys)
    assert status == 2
    assert "no runs in" in err


def sweep(folder: Path, rates: list[float]) -> Path:
    for i, rate in enumerate(rates):
        run = folder / f"run{i}"
        run.mkdir(parents=True)
        rows = [f"{e},{1 / e + rate * e / 40:.4f},{1 / e + rate * e / 20:.4f}\n" for e in range(1, 21)]
        (run / "metrics.csv").write_text("epoch,train_loss,val_loss\n" + "".join(rows))
        (run / "config.yaml").write_text(f"lr: {rate}\nseed: {i % 3}\nwidth: 64\n")
    return folder


def test_several_runs_are_compared(capsys, tmp_path):
    folder = sweep(tmp_path / "runs", [0.001, 0.002, 0.004, 0.01, 0.02, 0.1, 0.2, 0.4])
    _, out, _ = diagnose(folder, capture=capsys)
    assert "With the last loss goes lr: the larger, the worse (from 0.001 to 0.4)" in out
    assert "seed" not in out.partition("With the last loss")[2].partition("\n")[0]
    table = [line.split() for line in out.splitlines()]
    assert ["run", "verdict", "last", "val", "best", "val", "lr", "odd", "settings"] in table
    assert [line[-1] for line in table if line and line[0] == "run7"] == ["0.4"]
    _, out, _ = diagnose(folder, "--json", "-", capture=capsys)
    view = json.loads(out)
    jsonschema.validate(view, schemas.schema("logs"))
    for run in view["runs"]:
        jsonschema.validate(run["report"], schema())
    assert len(view["runs"]) == 8
    assert view["settings"]["end"]["effects"][0]["name"] == "lr"


def test_too_few_runs_tell_nothing(capsys, tmp_path):
    folder = sweep(tmp_path / "runs", [0.001, 0.1, 0.4])
    _, out, _ = diagnose(folder, capture=capsys)
    assert "too few runs to tell (3; it takes 5)" in out
    (tmp_path / "empty.csv").write_text("")
    _, out, _ = diagnose(folder, tmp_path / "empty.csv", "--json", "-", capture=capsys)
    view = json.loads(out)
    jsonschema.validate(view, schemas.schema("logs"))
    assert view["settings"]["end"]["reason"] == "too few runs to tell (3; it takes 5)"
    assert view["not_read"] == [f"{tmp_path / 'empty.csv'}: empty"]


def test_what_the_corpus_gives_keeps_the_schema(corpus, capsys):
    _, out, _ = diagnose(corpus / "sick", "--json", "-", capture=capsys)
    jsonschema.validate(json.loads(out), schemas.schema("logs"))


def test_help_tells_what_is_read():
    result: Result = CliRunner().invoke(cli.cli, ["diagnose", "--help"])
    assert "TensorBoard, W&B offline, MLflow" in result.output
