"""Run a program of Lightning with a plain PyTorch loop in place of the Trainer: `python plain.py PROGRAM`."""

import runpy
import sys

import lightning.pytorch
import pytorch_lightning
import torch


class PlainTrainer:
    def __init__(self, max_epochs, **_):
        self.max_epochs = max_epochs

    def fit(self, model, train=None, val=None, datamodule=None):
        datamodule = datamodule or (train if hasattr(train, "train_dataloader") else None)
        if datamodule is not None:
            datamodule.setup("fit")
            train, val = datamodule.train_dataloader(), datamodule.val_dataloader()
        model.log = model.log_dict = lambda *_, **__: None
        optimizer = model.configure_optimizers()
        for _ in range(self.max_epochs):
            model.train()
            for i, batch in enumerate(train):
                loss = model.training_step(batch, i)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                for i, batch in enumerate(val):
                    model.validation_step(batch, i)


lightning.Trainer = lightning.pytorch.Trainer = pytorch_lightning.Trainer = PlainTrainer
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
