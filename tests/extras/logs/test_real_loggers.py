"""What the real loggers write is read as it was logged: every value, at its step."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netvet.capture.logs import find
from netvet.capture.logs.log_run import LogRun, runs_of
from tests.extras.logs import frameworks, loggers

# The libraries warn of their own future.
pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = [
    {"step": i, "train_loss": 2.0 / (i + 1), "lr": 0.1 * 0.9**i, **({"val_loss": 1.5 / (i + 1)} if i % 5 == 4 else {})}
    for i in range(40)
]
ROWS[7] = {**ROWS[7], "train_loss": float("nan")}
ROWS[8] = {**ROWS[8], "train_loss": float("inf")}
SETTINGS = {"lr": 0.1, "width": 64, "name": "mlp"}
# Float32 in event files.
CLOSE = 1e-6


def only(path: Path) -> LogRun:
    found = find.read([str(path)])
    assert not found.failures, found.failures
    (run,) = [run for table in found.tables for run in runs_of(table, {})]
    return run


def series(run: LogRun, signal: str) -> dict[int, float]:
    found: Any = run.run.get(signal)
    assert found is not None, signal
    one = next(iter(found.values()))
    return {int(s): float(v) for s, v in zip(one.steps, one.values, strict=True)}


Log = Callable[[Path, Any, Any], Path]


@pytest.mark.parametrize(
    ("log", "settings"),
    [
        (loggers.tensorboard, SETTINGS), (loggers.tensorboardx, {}), (loggers.wandb, SETTINGS),
        (loggers.mlflow_database, SETTINGS), (loggers.mlflow_files, SETTINGS), (loggers.csv_file, SETTINGS),
        (loggers.jsonl, {}), (loggers.lightning_csv, SETTINGS), (loggers.printed, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_every_value_comes_back(tmp_path, log: Log, settings):
    run = only(log(tmp_path / "run", ROWS, SETTINGS))
    assert run.settings.items() >= settings.items()
    for signal, name in (("loss", "train_loss"), ("lr", "lr"), ("val_loss", "val_loss")):
        found = series(run, signal)
        logged = {int(row["step"]): row[name] for row in ROWS if name in row}
        assert found.keys() == logged.keys()
        for step, value in logged.items():
            same = math.isnan(found[step]) if math.isnan(value) else found[step] == pytest.approx(value, rel=1e-4)
            assert same, (signal, step, value, found[step])


def test_the_trainer_of_transformers(tmp_path):
    frameworks.transformers_trainer(tmp_path / "run")
    run = only(tmp_path / "run")
    assert len(series(run, "loss")) == 12
    assert sorted(series(run, "val_loss")) == [20, 40, 60]
    printed = only(tmp_path / "run" / "stdout.txt")
    assert list(series(printed, "loss").values()) == pytest.approx(list(series(run, "loss").values()), rel=1e-3)
    events = only(tmp_path / "run" / "runs")
    assert series(events, "loss") == pytest.approx(series(run, "loss"), rel=CLOSE)
    assert events.settings["learning_rate"] == 1e-3


def test_lightning(tmp_path):
    frameworks.lightning_trainer(tmp_path)
    table, events = only(tmp_path / "csv"), only(tmp_path / "tb")
    for signal in ("loss", "val_loss", "val_accuracy", "lr"):
        assert series(table, signal) == pytest.approx(series(events, signal), rel=CLOSE)
    assert table.settings == events.settings == {"lr": 2e-3}


def test_keras(tmp_path):
    frameworks.keras_fit(tmp_path)
    history, table, printed = (only(tmp_path / name) for name in ("history.json", "keras.csv", "stdout.log"))
    for signal in ("loss", "val_loss", "train_accuracy", "val_accuracy"):
        assert series(history, signal) == pytest.approx(series(table, signal), rel=CLOSE)
        assert list(series(history, signal).values()) == pytest.approx(list(series(printed, signal).values()), rel=2e-3)


@pytest.mark.parametrize("log", [loggers.mlflow_database, loggers.mlflow_files], ids=lambda value: value.__name__)
def test_several_runs_of_a_store(tmp_path, log):
    for lr in (0.1, 0.2):
        log(tmp_path / "run", ROWS, {"lr": lr})
    found = find.read([str(tmp_path)])
    assert sorted(table.settings["lr"] for table in found.tables) == [0.1, 0.2]


def test_scalars_of_one_figure(tmp_path):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "run")) as writer:
        for step in range(20):
            writer.add_scalars("loss", {"train": 1 / (step + 1), "val": 2 / (step + 1)}, step)
            writer.add_scalar("lr", 0.1, step)
            writer.add_histogram("weights", np.arange(3.0), step)
            writer.add_text("note", "hello", step)
    run = only(tmp_path / "run")
    assert len(series(run, "loss")) == 20
    assert series(run, "val_loss")[0] == 2.0
