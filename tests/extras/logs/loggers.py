"""Write the history of a training with the real loggers, as people do."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Rows = Sequence[dict[str, float]]


def tensorboard(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for i, row in enumerate(rows):
            for name, value in row.items():
                if name not in ("step", "epoch"):
                    writer.add_scalar(name, value, int(row.get("step", row.get("epoch", i))))
        if settings:
            writer.add_hparams(settings, {"hparam/done": 1.0}, run_name=".")
    return folder


def tensorboardx(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for i, row in enumerate(rows):
            for name, value in row.items():
                if name not in ("step", "epoch"):
                    writer.add_scalar(name, value, int(row.get("step", row.get("epoch", i))))
    return folder


def wandb(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(folder), WANDB_DISABLE_GIT="true")
    os.environ.update(WANDB__DISABLE_STATS="true", WANDB_CONSOLE="off")
    import wandb as library

    folder.mkdir(parents=True, exist_ok=True)
    run = library.init(project="p", name=folder.name, config=settings or {}, dir=str(folder), mode="offline")
    for row in rows:
        run.log(row)
    run.finish()
    library.teardown()  # its own process writes the last records
    return folder


def mlflow_database(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return _mlflow(f"sqlite:///{folder / 'mlflow.db'}", folder, rows, settings)


def mlflow_files(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    return _mlflow((folder / "mlruns").as_uri(), folder, rows, settings)


def _mlflow(uri: str, folder: Path, rows: Rows, settings: dict[str, Any] | None) -> Path:
    from mlflow import MlflowClient

    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name("exp")
    experiment = found.experiment_id if found else client.create_experiment("exp", artifact_location=folder.as_uri())
    run = client.create_run(experiment, run_name=folder.name).info.run_id
    for name, value in (settings or {}).items():
        client.log_param(run, name, value)
    for i, row in enumerate(rows):
        for name, value in row.items():
            if name not in ("step", "epoch"):
                client.log_metric(run, name, value, step=int(row.get("step", row.get("epoch", i))))
    client.set_terminated(run)
    return folder


def csv_file(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    if settings:
        text = "".join(f"{key}: {value}\n" for key, value in settings.items())
        (folder / "config.yaml").write_text(text)
    return folder


def jsonl(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def lightning_csv(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    with contextlib.suppress(ImportError):
        import lightning.pytorch  # noqa: F401
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(str(folder.parent), name=folder.name, version=0)
    if settings:
        logger.log_hyperparams(settings)
    for i, row in enumerate(rows):
        values = {name: value for name, value in row.items() if name != "step"}
        logger.log_metrics(values, step=int(row.get("step", i)))
    logger.save()
    return folder


def printed(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    """`Epoch 3/10 loss: 0.12 acc=0.98`, or `step 100 | loss 2.31 | lr 3e-4`."""
    folder.mkdir(parents=True, exist_ok=True)
    total = int(max(row.get("epoch", 0) for row in rows))
    lines = [f"{key}: {value}" for key, value in (settings or {}).items()]
    for row in rows:
        rest = [(k, v) for k, v in row.items() if k not in ("step", "epoch")]
        if "step" in row:
            lines.append(f"step {int(row['step'])} | " + " | ".join(f"{k} {v:.5g}" for k, v in rest))
        else:
            lines.append(f"Epoch {int(row['epoch'])}/{total} " + " ".join(f"{k}: {v:.5g}" for k, v in rest))
    (folder / "train.log").write_text("\n".join(lines) + "\n")
    return folder


def trainer_dicts(folder: Path, rows: Rows, settings: dict[str, Any] | None = None) -> Path:
    """As the Trainer of transformers prints its records."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [str({k: (v if k == "epoch" else round(v, 5)) for k, v in row.items()}) for row in rows]
    (folder / "train.log").write_text("\n".join(lines) + "\n")
    return folder
