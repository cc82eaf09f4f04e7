"""Small real trainings with the frameworks' own loggers."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from tests.extras.logs.trainings import digits, mlp


def transformers_trainer(folder: Path, *, lr: float = 1e-3, steps: int = 60) -> str:
    """Train a tiny GPT-2 with `Trainer`, which writes `trainer_state.json` in checkpoints; what it printed."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", WANDB_DISABLED="true")
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=16, n_positions=16, n_embd=16, n_layer=1, n_head=2)
    rng = np.random.default_rng(0)
    counting = torch.as_tensor((rng.integers(16, size=(200, 1)) + np.arange(12)) % 16)
    rows = [{"input_ids": t, "labels": t} for t in counting]
    arguments = TrainingArguments(
        output_dir=str(folder), max_steps=steps, logging_steps=5, eval_strategy="steps", eval_steps=20, save_steps=20,
        learning_rate=lr, per_device_train_batch_size=16, report_to=["tensorboard"], disable_tqdm=True, use_cpu=True,
    )  # fmt: skip
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        Trainer(GPT2LMHeadModel(config), arguments, train_dataset=rows[:160], eval_dataset=rows[160:]).train()
    (folder / "stdout.txt").write_text(printed.getvalue())
    return printed.getvalue()


def lightning_trainer(folder: Path, *, lr: float = 2e-3, epochs: int = 8) -> None:
    """Train with Lightning's Trainer and its CSVLogger and TensorBoardLogger."""
    import lightning as L
    from lightning.pytorch.callbacks import LearningRateMonitor
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
    from torch.utils.data import DataLoader, TensorDataset

    class Net(L.LightningModule):
        def __init__(self, lr: float) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.net = mlp()

        def training_step(self, batch, _):
            loss = F.cross_entropy(self.net(batch[0]), batch[1])
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch, _):
            out = self.net(batch[0])
            self.log("val_loss", F.cross_entropy(out, batch[1]))
            self.log("val_acc", (out.argmax(-1) == batch[1]).float().mean())

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), self.hparams.lr)

    L.seed_everything(0, verbose=False)
    x, y, vx, vy = digits()
    loggers = [CSVLogger(str(folder), "csv"), TensorBoardLogger(str(folder), "tb")]
    trainer = L.Trainer(
        max_epochs=epochs, logger=loggers, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
        log_every_n_steps=5, callbacks=[LearningRateMonitor("step")], enable_checkpointing=False,
    )  # fmt: skip
    train, val = (DataLoader(TensorDataset(a, b), 64) for a, b in ((x, y), (vx, vy)))
    trainer.fit(Net(lr), train, val)


def keras_fit(folder: Path, *, lr: float = 2e-3, epochs: int = 8) -> None:
    """Train with Keras: History as JSON, CSVLogger, and what `fit` prints."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    x, y, vx, vy = (t.numpy() for t in digits())
    net = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(lr), loss, metrics=["accuracy"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        told = [keras.callbacks.CSVLogger(str(folder / "keras.csv"))]
        history = net.fit(x, y, 64, epochs, validation_data=(vx, vy), callbacks=told)
    (folder / "history.json").write_text(json.dumps(history.history))
    (folder / "stdout.log").write_text(printed.getvalue())


def main(root: Path) -> None:
    transformers_trainer(root / "transformers")
    lightning_trainer(root / "lightning")
    keras_fit(root / "keras")


if __name__ == "__main__":
    import sys

    main(Path(sys.argv[1]))
