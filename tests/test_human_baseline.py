"""`--human-baseline` of `netvet run`, and `--find` of `netvet data`."""

import json

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from netvet.cli import cli
from netvet.cli.human import keep, records_of
from netvet.core import NetvetError
from netvet.data.annotation import Answer, Asked, Store
from netvet.report.schemas import schema
from netvet.store import Run, RunWriter


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "a.db", "d", ("a", "b"), [Asked(i, "val", i, str(i), "a") for i in range(4)])


@pytest.mark.parametrize(("text", "share"), [("0.98", 0.98), ("98%", 0.98), (" 1 ", 1.0)])
def test_accuracy_is_taken_as_it_is(text, share):
    (record,) = records_of(text)
    assert record["accuracy"] == record["low"] == record["high"] == pytest.approx(share)


def test_file_gives_everybody_with_an_interval(store):
    for position in range(4):
        store.answer(Answer("ann", position, "a", 1.0))
    (record,) = records_of(str(store.file))
    assert (record["annotator"], record["accuracy"], record["samples"]) == ("ann", 1.0, 4)
    assert 0.4 < record["low"] < 0.6


@pytest.mark.parametrize("text", ["0", "1.5", "-3%", "nan", "nothing.db", ""])
def test_all_else_is_one_clear_error(text):
    with pytest.raises(NetvetError, match="--human-baseline"):
        records_of(text)


def test_file_without_answers_is_refused(store):
    with pytest.raises(NetvetError, match="nobody has answered"):
        records_of(str(store.file))


def test_records_are_put_into_a_run_that_has_ended(tmp_path):
    writer = RunWriter.create(tmp_path, "x")
    writer.put_facts("run", [{"name": "x", "ended": "ok"}])
    writer.close()
    keep(writer.path, records_of("0.9"))
    run = Run.open(writer.path)
    assert run.get("human_baseline")[0]["accuracy"] == 0.9
    assert run.get("run")[0]["ended"] == "ok"


@pytest.fixture
def digits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).random((60, 4))
    np.savez("d.npz", x_train=x[:40], y_train=np.arange(40) % 2, x_val=x[40:], y_val=np.arange(20) % 2)
    return x


def told(*arguments):
    result = CliRunner().invoke(cli, ["data", "d.npz", *arguments], standalone_mode=False)
    status = result.return_value() if callable(result.return_value) else result.return_value
    return status, result


def test_samples_are_listed_by_attribute(digits, capsys):
    status, _ = told("--find", "label == 1 and split == 'train'", "--sort", "-mean", "--limit", "2")
    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert lines[0] == "20 of 60 samples; the first 2 (--limit shows more)"
    best = max(range(1, 40, 2), key=lambda i: digits[i].mean())
    assert lines[1].split() == ["split", "key", "label", "mean"]
    assert lines[2].split()[:3] == ["train", str(best), "1"]


def test_samples_are_written_as_json(digits, capsys):
    told("--sort", "mean", "--limit", "3", "--json", "-")
    record = json.loads(capsys.readouterr().out)
    jsonschema.validate(record, schema("samples"))
    assert (record["count"], record["total"]) == (60, 60)
    means = [one["mean"] for one in record["samples"]]
    assert means == pytest.approx(sorted(digits.mean(1))[:3])
