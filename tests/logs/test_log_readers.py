from __future__ import annotations

import json
import math
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from netvet.capture.logs import find, table
from netvet.capture.logs.yaml_settings import parsed
from tests.logs.conftest import SAMPLES, log_of, runs_in, steps, values


def refusal(path: Path) -> str:
    found = find.read([str(path)])
    assert not found.tables
    assert len(found.failures) == 1, found.failures
    return found.failures[0]


def test_reads_tensorboard_with_its_hyperparameters(corpus):
    (run,) = runs_in(corpus / "healthy" / "adam_by_step")
    assert log_of(run)["form"] == "TensorBoard events"
    assert len(values(run, "loss")) == 228
    assert values(run, "loss")[0] == pytest.approx(2.3068297)
    assert steps(run, "val_loss")[:3] == [18, 37, 56]
    assert run.settings == {"lr": 0.002, "batch": 64}


def test_stops_at_a_torn_record_of_tensorboard(corpus, write):
    whole = next((corpus / "healthy" / "one_cycle").iterdir()).read_bytes()
    (run,) = runs_in(write("run/events.out.tfevents.1", whole[: len(whole) // 2 + 3]))
    assert 50 < len(values(run, "loss")) < 285
    assert "torn" in log_of(run)["problems"][0]


def test_stops_where_tensorboard_is_damaged(corpus, write):
    whole = bytearray(next((corpus / "healthy" / "one_cycle").iterdir()).read_bytes())
    whole[20_000:20_040] = bytes(40)
    (run,) = runs_in(write("run/events.out.tfevents.1", bytes(whole)))
    assert any("damaged" in problem for problem in log_of(run)["problems"])


def test_joins_the_files_of_a_run_of_tensorboard(corpus, write):
    whole = next((corpus / "healthy" / "one_cycle").iterdir()).read_bytes()
    at = 0
    while at < len(whole) // 2:  # a record: length, its checksum, the record, its checksum
        at += 16 + int.from_bytes(whole[at : at + 8], "little")
    write("run/events.out.tfevents.1", whole[:at])
    (run,) = runs_in(write("run/events.out.tfevents.2", whole[at:]).parent)
    assert len(values(run, "loss")) == 285


def test_reads_an_offline_run_of_wandb(corpus):
    (run,) = runs_in(corpus / "healthy" / "adam_clipped")
    assert log_of(run)["form"] == "W&B offline run"
    assert run.settings == {"lr": 0.002, "max_grad_norm": 0.1, "optimizer": "adamw"}
    assert len(values(run, "loss")) == 190
    assert len(values(run, "val_accuracy")) == 10


def test_reads_a_torn_offline_run_of_wandb(corpus, write):
    whole = next((corpus / "healthy" / "adam_clipped").rglob("*.wandb")).read_bytes()
    (run,) = runs_in(write("run-1.wandb", whole[: len(whole) // 2]))
    assert 20 < len(values(run, "loss")) < 190
    assert "torn" in log_of(run)["problems"][0]


def test_reads_both_stores_of_mlflow(corpus):
    (database,) = runs_in(corpus / "healthy" / "step_decay")
    (folder,) = runs_in(corpus / "healthy" / "dropout_and_noise")
    assert database.settings == {"lr": 0.2}
    assert folder.settings == {"dropout": 0.5}
    assert (database.name, folder.name) == ("step_decay", "dropout_and_noise")
    assert steps(database, "val_loss") == list(range(1, 31))
    assert len(values(folder, "loss")) == 25


def test_reads_what_mlflow_writes_for_infinity(tmp_path):
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.execute("CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan)")
        connection.execute("CREATE TABLE params (key, value, run_uuid)")
        connection.execute("CREATE TABLE runs (run_uuid, name, start_time)")
        connection.execute("INSERT INTO runs VALUES ('a', 'one', 1)")
        rows = [("loss", 1.0, 0, 0), ("loss", 1.7976931348623157e308, 1, 0), ("loss", 0.0, 2, 1)]
        connection.executemany("INSERT INTO metrics VALUES (?, ?, 1, 'a', ?, ?)", rows)
    connection.close()
    (run,) = runs_in(tmp_path / "mlflow.db")
    assert values(run, "loss")[:2] == [1.0, math.inf]
    assert math.isnan(values(run, "loss")[2])


def test_takes_the_newest_checkpoint_of_a_trainer():
    (run,) = runs_in(SAMPLES / "transformers")
    assert log_of(run)["form"] == "Trainer of transformers"
    assert log_of(run)["last"] == 60
    assert len(values(run, "loss")) == 12
    assert steps(run, "val_loss") == [20, 40, 60]


def test_leaves_out_the_closing_record_of_a_trainer(write):
    history = [{"loss": 2.0 - i / 10, "step": i, "epoch": i / 5} for i in range(10)]
    closing = {"train_runtime": 3.0, "train_loss": 1.5, "total_flos": 1.0, "step": 10, "epoch": 2.0}
    (run,) = runs_in(write("trainer_state.json", json.dumps({"log_history": [*history, closing]})))
    assert values(run, "loss") == [2.0 - i / 10 for i in range(10)]


def test_reads_the_logger_of_lightning_with_its_hyperparameters():
    (run,) = runs_in(SAMPLES / "lightning")
    assert run.name == "lightning/version_0"
    assert run.settings == {"lr": 0.002}
    assert len(values(run, "loss")) == 30
    assert next(iter(run.run.get("loss"))) == "train_loss_step"
    assert len(values(run, "val_loss")) == 8


def test_reads_what_keras_writes_in_all_three_forms():
    history, table_ = (runs_in(SAMPLES / "keras" / name)[0] for name in ("history.json", "keras.csv"))
    (printed,) = runs_in(SAMPLES / "keras_printed.log")
    for signal in ("loss", "val_loss", "train_accuracy", "val_accuracy"):
        np.testing.assert_allclose(values(history, signal), values(table_, signal))
        np.testing.assert_allclose(values(history, signal), values(printed, signal), rtol=2e-3)
        assert len(values(history, signal)) == 8
    assert log_of(history)["unit"] == log_of(printed)["unit"] == "epoch"


def test_tells_one_run_once_where_several_loggers_wrote():
    assert len(runs_in(SAMPLES / "keras")) == 1


def test_reads_the_text_that_a_trainer_prints():
    (run,) = runs_in(SAMPLES / "transformers.log")
    assert len(values(run, "loss")) == 12
    assert log_of(run)["unit"] == "record"


def test_reads_the_wide_export_of_wandb(write):
    head = (
        '"Step","one - val_loss","one - val_loss__MIN","one - val_loss__MAX","two - val_loss","two - val_loss__MIN"\n'
    )
    rows = "".join(f'"{i}","{1 / (i + 1)}","0","0","{2 / (i + 1)}","0"\n' for i in range(6))
    one, two = runs_in(write("export.csv", head + rows))
    assert (one.name, two.name) == ("one", "two")
    assert values(two, "val_loss") == [2 / (i + 1) for i in range(6)]
    assert steps(one, "val_loss") == list(range(6))


def test_reads_the_export_of_the_page_of_tensorboard(write):
    rows = "".join(f"1.0,{i},{1 / (i + 1)}\n" for i in range(5))
    (run,) = runs_in(write("run-one-tag-train_loss.csv", "Wall time,Step,Value\n" + rows))
    assert run.name == "run-one"
    assert values(run, "loss") == [1 / (i + 1) for i in range(5)]


@pytest.mark.parametrize(("delimiter", "comma"), [(",", "."), ("\t", "."), (";", ","), ("|", ".")])
def test_reads_tables_with_any_delimiter(write, delimiter, comma):
    rows = [["epoch", "loss", "val_loss"], *[[str(i), f"{1 / i:.3f}".replace(".", comma), "0"] for i in (1, 2, 3)]]
    (run,) = runs_in(write("log.csv", "\n".join(delimiter.join(row) for row in rows)))
    assert values(run, "loss") == [1.0, 0.5, 0.333]


def test_reads_json_lines_with_nested_names(write):
    lines = [json.dumps({"step": i, "train": {"loss": 1 / (i + 1)}, "text": "x", "ok": True}) for i in range(5)]
    (run,) = runs_in(write("log.jsonl", "\n".join(lines) + '\n{"step": 5, "tr'))
    assert list(run.run.get("loss")) == ["train/loss"]
    assert log_of(run)["problems"] == ["the last line is cut off"]


def test_reads_utf_16(write):
    (run,) = runs_in(write("train.log", "epoch 1 loss 0.5\nepoch 2 loss 0.4\n".encode("utf-16")))
    assert values(run, "loss") == [0.5, 0.4]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "a,b\n", "without numbers"),
        ("a.json", '{"loss": [1, 2', "not whole JSON"),
        ("a.json", '{"loss": 1}', "expected a list of numbers"),
        ("trainer_state.json", '{"log_history": 3}', "log_history"),
        ("a.jsonl", "{\n{\n", "no line"),
        ("a.log", b"\x00\x01\x02" * 100, "binary"),
        ("history.pkl", b"\x80\x04\x95abc", "pickle, which is never loaded"),
        ("log.gz", b"\x1f\x8b\x08\x00", "gzip"),
        ("events.out.tfevents.1", b"\x00" * 100, "without a whole record"),
        ("run.wandb", b":W&B\x00\x00\x00", "without a whole record"),
        ("x.db", b"SQLite format 3\x00" + b"\x00" * 200, "SQLite file that cannot be read"),
    ],
)
def test_refuses_what_is_no_log_with_one_sentence(write, name, content, says):
    told = refusal(write(name, content))
    assert says in told
    assert "\n" not in told


def test_reads_a_log_whose_name_has_a_wrong_ending(write, corpus):
    text = (corpus / "healthy" / "few_values" / "metrics.csv").read_text()
    (run,) = runs_in(write("numbers.dat", text))
    assert len(values(run, "loss")) == 3


def test_one_bad_log_costs_no_other(write, corpus):
    found = find.read([str(write("a.csv", "")), str(corpus / "healthy" / "few_values"), "missing"])
    assert len(found.tables) == 1
    assert len(found.failures) == 2


def test_says_what_it_looked_for_in_a_folder_without_logs(tmp_path):
    assert "no log in it; expected TensorBoard" in refusal(tmp_path)


def test_bounds_columns_and_cells(write, monkeypatch):
    monkeypatch.setattr(table, "MAX_COLUMNS", 3)
    monkeypatch.setattr(table, "MAX_CELLS", 10)
    wide = "step,a,b,c,loss\n" + "1,2,3,4,5\n" * 9
    (run,) = runs_in(write("a.csv", wide))
    assert set(log_of(run)["problems"]) >= {"only the first 3 columns were read", "only the first 10 numbers were read"}


def test_reads_settings_beside_a_log(write, corpus):
    shutil.copy(corpus / "healthy" / "few_values" / "metrics.csv", write("run/x", "").parent / "metrics.csv")
    write(
        "run/config.yaml", "lr:\n  value: 0.1\nmodel:\n  width: 64  # units\n  name: 'mlp'\nsizes: [1, 2]\n_wandb: {}\n"
    )
    (run,) = runs_in(write("run/x", "").parent)
    assert run.settings == {"lr": 0.1, "model.width": 64, "model.name": "mlp", "sizes": "[1, 2]"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 1e-3\nc: yes\nd: null\n", {"a": 1, "b": 1e-3, "c": True, "d": None}),
        ("a:\n- 1\n- 2\nb: x\n", {"a": [1, 2], "b": "x"}),
        ("a:\n  b:\n    c: 1\n  d: 2\ne: 3\n", {"a": {"b": {"c": 1}, "d": 2}, "e": 3}),
        ("a: !!python/object:os.system x\n", {}),
        (": :\n- - -\n\t\n", {}),
    ],
)
def test_reads_the_plain_part_of_yaml(text, expected):
    assert parsed(text) == expected


def test_what_is_known_of_the_classes_the_rate_and_steps_trained_twice_is_kept(write):
    rows = [(step, 2.0 / (1 + step), 1e-3 if step < 30 else 1e-2) for step in range(40)]
    again = [(step, 1.5, 1e-2) for step in range(20, 60)]
    write("config.yaml", "model:\n  num_classes: 10\n")
    text = "".join(f"{step},{loss},{rate}\n" for step, loss, rate in rows + again)
    (run,) = runs_in(write("metrics.csv", "step,loss,lr\n" + text))
    assert log_of(run)["classes"] == 10
    (twice,) = run.run.get("retrained")
    assert twice == {"step": 20, "before": 2.0 / 22, "after": 1.5, "first": 2.0}
    assert [one["step"] for one in run.run.get("lr_rises")] == [20]  # of what went on
    (run,) = runs_in(write("b.csv", "step,loss,lr\n" + "".join(f"{s},{v},{r}\n" for s, v, r in rows)))
    assert [dict(one) for one in run.run.get("lr_rises")] == [{"step": 30, "before": 1e-3, "after": 1e-2}]
    assert run.run.get("retrained") is None
