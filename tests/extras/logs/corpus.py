"""Logs of healthy and sick trainings, each really run and written as people log; `python -m tests.extras.logs.corpus`.

The folder `tests/logs/corpus/` holds what it wrote. A sick one names what may be said of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.optim import lr_scheduler as schedules

from tests.extras.logs import loggers
from tests.extras.logs.trainings import adam, char_lm, digits, fit, gan, mlp, reinforce, sgd, vae, wave

Make = Callable[[Path], object]
HEALTHY: dict[str, Make] = {}
SICK: dict[str, tuple[Make, str]] = {}


def healthy(make: Make) -> Make:
    HEALTHY[make.__name__] = make
    return make


def sick(says: str) -> Callable[[Make], Make]:
    def keep(make: Make) -> Make:
        SICK[make.__name__] = make, says
        return make

    return keep


def tenth(rows: list[dict[str, float]], every: int = 5) -> list[dict[str, float]]:
    return [row for i, row in enumerate(rows) if i % every == 0 or len(row) < 4]


@healthy
def adam_by_step(out: Path) -> None:
    rows = fit(mlp(), digits(), optimizer=adam(2e-3), epochs=12, by_step=True)
    loggers.tensorboard(out, rows, {"lr": 2e-3, "batch": 64})


@healthy
def sgd_by_epoch(out: Path) -> None:
    loggers.csv_file(out, fit(mlp(), digits(), optimizer=sgd(0.1, 0.9), epochs=20), {"lr": 0.1, "momentum": 0.9})


@healthy
def five_epochs_printed(out: Path) -> None:
    loggers.printed(out, fit(mlp(), digits(), optimizer=adam(3e-3), epochs=5), {"lr": 3e-3})


@healthy
def warm_restarts(out: Path) -> None:
    plan = lambda o: schedules.CosineAnnealingWarmRestarts(o, 60, 2)  # noqa: E731
    rows = fit(mlp(), digits(), optimizer=sgd(0.3, 0.9), epochs=22, by_step=True, schedule=plan, every=2)
    loggers.csv_file(out, rows, {"lr": 0.3})


@healthy
def one_cycle(out: Path) -> None:
    plan = lambda o: schedules.OneCycleLR(o, 1e-2, total_steps=285)  # noqa: E731
    loggers.tensorboardx(out, fit(mlp(), digits(), optimizer=adam(1e-3), epochs=15, by_step=True, schedule=plan))


@healthy
def step_decay(out: Path) -> None:
    plan = lambda o: schedules.StepLR(o, 10, 0.1)  # noqa: E731
    rows = fit(mlp(), digits(), optimizer=sgd(0.2, 0.9), epochs=30, schedule=plan, per_epoch_schedule=True)
    loggers.mlflow_database(out, rows, {"lr": 0.2})


@healthy
def dropout_and_noise(out: Path) -> None:
    rows = fit(mlp(64, 0.5), digits(), optimizer=adam(2e-3), epochs=25, augment=0.5)
    loggers.mlflow_files(out, rows, {"dropout": 0.5})


@healthy
def long_after_convergence(out: Path) -> None:
    rows = fit(mlp(), digits(), optimizer=adam(1e-3, 1e-2), epochs=60, augment=0.3)
    loggers.csv_file(out, rows)


@healthy
def tiny_batches(out: Path) -> None:
    rows = fit(mlp(), digits(samples=600), optimizer=sgd(0.02), epochs=4, batch=4, by_step=True)
    loggers.jsonl(out, rows)


@healthy
def noisy_regression(out: Path) -> None:
    rows = fit(mlp(inputs=4, outputs=1), wave(noise=1.0, samples=4000), optimizer=adam(1e-3), epochs=15,
               loss=F.mse_loss, accuracy=False, names=("train_mse", "val_mse", "", ""))  # fmt: skip
    loggers.csv_file(out, rows)


@healthy
def regression_by_step(out: Path) -> None:
    rows = fit(mlp(inputs=4, outputs=1), wave(), optimizer=adam(3e-3), epochs=40, loss=F.mse_loss, accuracy=False,
               by_step=True, every=5, names=("loss/train", "loss/val", "", ""))  # fmt: skip
    loggers.tensorboard(out, rows)


@healthy
def fine_tuned(out: Path) -> None:
    model = mlp()
    fit(model, digits(), optimizer=adam(1e-3), epochs=15)
    loggers.csv_file(out, fit(model, digits(1), optimizer=adam(2e-5), epochs=12), {"lr": 2e-5})


@healthy
def a_game_of_two(out: Path) -> None:
    loggers.csv_file(out, gan())


@healthy
def rewards(out: Path) -> None:
    loggers.jsonl(out, reinforce())


@healthy
def autoencoder_terms(out: Path) -> None:
    loggers.lightning_csv(out, vae(), {"latent": 8})


@healthy
def language_model(out: Path) -> None:
    loggers.printed(out, char_lm())


@healthy
def stopped_by_patience(out: Path) -> None:
    rows = fit(mlp(128), digits(samples=500), optimizer=adam(2e-3), epochs=40)
    best = int(np.argmin([row["val_loss"] for row in rows]))
    loggers.jsonl(out, rows[: best + 6])


@healthy
def taken_up_again(out: Path) -> None:
    rows = fit(mlp(), digits(), optimizer=adam(1e-3), epochs=8, by_step=True, every=2)
    loggers.jsonl(out, [*rows[:50], *rows[40:]])


@healthy
def three_folds(out: Path) -> None:
    lines = []
    for fold in range(3):
        loggers.printed(out, fit(mlp(), digits(fold), optimizer=adam(2e-3), epochs=10))
        lines.append((out / "train.log").read_text())
    (out / "train.log").write_text("".join(f"fold {i}\n{text}" for i, text in enumerate(lines)))


@healthy
def smoothed_labels(out: Path) -> None:
    loss = lambda o, y: F.cross_entropy(o, y, label_smoothing=0.2)  # noqa: E731
    loggers.csv_file(out, fit(mlp(), digits(), optimizer=adam(2e-3), epochs=30, loss=loss))


@healthy
def below_zero(out: Path) -> None:
    def nll(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (0.5 * ((y - o[:, :1]) / o[:, 1:].exp()) ** 2 + o[:, 1:]).mean()

    data = wave(noise=0.05, samples=3000)
    rows = fit(mlp(inputs=4, outputs=2), data, optimizer=adam(2e-3), epochs=25, loss=nll, accuracy=False)
    loggers.csv_file(out, rows)


@healthy
def dicts_of_a_trainer(out: Path) -> None:
    plan = lambda o: schedules.LinearLR(o, 1.0, 0.0, 190)  # noqa: E731
    rows = fit(mlp(), digits(), optimizer=adam(3e-3), epochs=10, by_step=True, every=5, schedule=plan, clip=1.0,
               names=("loss", "eval_loss", "", "eval_accuracy"))  # fmt: skip
    named = [{"learning_rate" if k == "lr" else k: v for k, v in row.items() if k != "step"} for row in rows]
    loggers.trainer_dicts(out, [{**row, "epoch": round(i / len(named) * 10, 2)} for i, row in enumerate(named)])


@healthy
def adam_clipped(out: Path) -> None:
    rows = fit(mlp(), digits(), optimizer=adam(2e-3), epochs=10, by_step=True, clip=0.1)
    loggers.wandb(out, rows, {"lr": 2e-3, "max_grad_norm": 0.1, "optimizer": "adamw"})


@healthy
def few_values(out: Path) -> None:
    loggers.csv_file(out, fit(mlp(), digits(), optimizer=adam(2e-3), epochs=3))


# What people meet; the first half was written before any check was looked at again.


@sick("loss-not-finite loss-diverges lr-too-high")
def rate_of_five(out: Path) -> None:
    rows = fit(
        mlp(inputs=4, outputs=1), wave(), optimizer=sgd(5.0), epochs=6, loss=F.mse_loss, accuracy=False, by_step=True
    )
    loggers.tensorboard(out, rows, {"lr": 5.0})


@sick("loss-diverges loss-flat lr-too-high loss-spikes")
def adam_at_one(out: Path) -> None:
    loggers.csv_file(out, fit(mlp(), digits(), optimizer=adam(1.0), epochs=20), {"lr": 1.0})


@sick("loss-flat lr-too-low stopped-early")
def rate_of_a_millionth(out: Path) -> None:
    loggers.csv_file(out, fit(mlp(), digits(), optimizer=adam(1e-7), epochs=15), {"lr": 1e-7})


@sick("overfitting")
def learned_by_heart(out: Path) -> None:
    data = wave(noise=1.5, samples=120)
    rows = fit(mlp(256, inputs=4, outputs=1), data, optimizer=adam(3e-3), epochs=120, loss=F.mse_loss, accuracy=False)
    loggers.tensorboardx(out, rows)


@sick("loss-not-finite")
def logarithm_of_zero(out: Path) -> None:
    spoil = lambda step, value: value * float("nan") if step >= 120 else value  # noqa: E731
    loggers.printed(out, fit(mlp(), digits(), optimizer=adam(1e-3), epochs=12, spoil=spoil))


@sick("loss-flat overfitting")
def labels_shuffled(out: Path) -> None:
    x, y, vx, vy = digits()
    y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))]
    rows = fit(mlp(128), (x, y, vx, vy), optimizer=adam(2e-3), epochs=40)
    loggers.mlflow_database(out, rows, {"lr": 2e-3})


@sick("loss-flat")
def no_step_taken(out: Path) -> None:
    loggers.csv_file(out, fit(mlp(), digits(), optimizer=adam(1e-3), epochs=15, update=False))


@sick("loss-diverges loss-flat")
def uphill(out: Path) -> None:
    up = lambda p: torch.optim.SGD(p, lr=0.003, maximize=True)  # noqa: E731
    loggers.jsonl(out, fit(mlp(), digits(), optimizer=up, epochs=10))


@sick("loss-diverges loss-not-finite loss-spikes")
def gradients_kept(out: Path) -> None:
    loggers.csv_file(out, fit(mlp(), digits(), optimizer=sgd(0.05, 0.9), epochs=15, zero=False))


@sick("lr-decays-early stopped-early")
def decay_each_batch(out: Path) -> None:
    plan = lambda o: schedules.ExponentialLR(o, 0.95)  # noqa: E731
    rows = fit(mlp(), digits(), optimizer=sgd(0.02), epochs=25, by_step=True, schedule=plan)
    loggers.tensorboardx(out, rows)


@sick("loss-not-finite exploding-gradient loss-diverges")
def recurrent_without_clip(out: Path) -> None:
    rows = char_lm(steps=300, lr=30.0, clip=None)
    loggers.trainer_dicts(out, [{**row, "epoch": row["step"] / 100} for row in rows])


@sick("always-clipped")
def clipped_to_nothing(out: Path) -> None:
    rows = fit(mlp(), digits(), optimizer=sgd(0.1), epochs=10, by_step=True, clip=0.01)
    loggers.wandb(out, rows, {"lr": 0.1, "max_grad_norm": 0.01, "optimizer": "sgd"})


@sick("overfitting")
def too_large_a_net(out: Path) -> None:
    x, y, vx, vy = digits(samples=150)
    y = torch.where(torch.rand(len(y), generator=torch.Generator().manual_seed(1)) < 0.3, torch.randint(10, y.shape), y)
    loggers.printed(out, fit(mlp(256), (x, y, vx, vy), optimizer=adam(2e-3), epochs=50))


@sick("loss-spikes")
def one_bad_batch(out: Path) -> None:
    spoil = lambda step, value: value * 80 if step % 45 == 44 else value  # noqa: E731
    rows = fit(mlp(), digits(), optimizer=sgd(0.3), epochs=25, by_step=True, spoil=spoil)
    loggers.tensorboard(out, rows)


@sick("loss-flat")
def graph_cut(out: Path) -> None:
    model = mlp()
    for p in model[:-1].parameters():
        p.requires_grad_(False)
    torch.nn.init.zeros_(model[4 - 1].weight)
    torch.nn.init.constant_(model[3].bias, -1.0)
    loggers.mlflow_files(out, fit(model, digits(), optimizer=adam(1e-3), epochs=20))


@sick("loss-diverges loss-not-finite exploding-gradient")
def rate_grows(out: Path) -> None:
    plan = lambda o: schedules.ExponentialLR(o, 1.05)  # noqa: E731
    rows = fit(mlp(), digits(), optimizer=sgd(0.05), epochs=15, by_step=True, schedule=plan)
    loggers.tensorboardx(out, rows)


@sick("loss-flat underfitting")
def dead_from_the_start(out: Path) -> None:
    model = mlp()
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, torch.nn.Linear):
                layer.bias.fill_(-50.0)
    loggers.lightning_csv(out, fit(model, digits(), optimizer=adam(1e-4), epochs=15))


@sick("loss-not-finite")
def infinite_target(out: Path) -> None:
    x, y, vx, vy = wave()
    y = y.clone()
    y[7] = float("inf")
    data = (x, y, vx, vy)
    rows = fit(mlp(inputs=4, outputs=1), data, optimizer=adam(1e-3), epochs=10, loss=F.mse_loss, accuracy=False)
    loggers.csv_file(out, rows)


@sick("stopped-early lr-too-low")
def stopped_at_once(out: Path) -> None:
    loggers.jsonl(out, fit(mlp(), digits(), optimizer=sgd(0.002), epochs=3, by_step=True, batch=32))


@sick("loss-diverges")
def momentum_too_high(out: Path) -> None:
    loggers.csv_file(out, fit(mlp(), digits(), optimizer=sgd(0.5, 0.99), epochs=20))


@sick("loss-flat")
def inputs_unscaled(out: Path) -> None:
    x, y, vx, vy = digits()
    data = (x * 1e4, y, vx * 1e4, vy)
    loggers.jsonl(out, fit(mlp(), data, optimizer=adam(1e-1), epochs=20, names=("loss", "val_loss", "acc", "val_acc")))


@sick("lr-decays-early loss-flat stopped-early")
def cosine_of_epochs(out: Path) -> None:
    plan = lambda o: schedules.PolynomialLR(o, 40)  # noqa: E731
    rows = fit(mlp(), digits(), optimizer=sgd(0.02), epochs=20, by_step=True, schedule=plan)
    loggers.tensorboard(out, rows)


@sick("overfitting")
def trained_for_ever(out: Path) -> None:
    x, y, vx, vy = digits(samples=200)
    y = torch.where(torch.rand(len(y), generator=torch.Generator().manual_seed(2)) < 0.2, torch.randint(10, y.shape), y)
    rows = fit(
        mlp(128),
        (x, y, vx, vy),
        optimizer=adam(2e-3),
        epochs=80,
        names=("loss", "val_loss", "accuracy", "val_accuracy"),
    )
    loggers.lightning_csv(out, rows)


def write(root: Path, wanted: list[str]) -> None:
    """Write both folders; `expect.txt` says what may be said of a sick one."""
    every: dict[str, tuple[str, Make, Any]] = {name: ("healthy", make, None) for name, make in HEALTHY.items()}
    every |= {name: ("sick", make, says) for name, (make, says) in SICK.items()}
    for name, (kind, make, says) in every.items():
        if wanted and name not in wanted:
            continue
        torch.manual_seed(0)
        make(root / kind / name)
        if says:
            (root / kind / name / "expect").write_text(says + "\n")
        print(kind, name, flush=True)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:])
