# healthy: LightningDataModule, save_hyperparameters, cosine schedule per epoch, checkpoint of the best, CSV log
import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Digits(L.LightningDataModule):
    def __init__(self, batch_size=64):
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage):
        x, y = load_digits(return_X_y=True)
        a, b, c, d = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
        mean, std = a.mean(), a.std()
        to = lambda x, y: TensorDataset(torch.tensor((x - mean) / std, dtype=torch.float32), torch.tensor(y))
        self.train, self.val = to(a, c), to(b, d)

    def train_dataloader(self):
        return DataLoader(self.train, self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val, 128)

    test_dataloader = val_dataloader


class Net(L.LightningModule):
    def __init__(self, lr=3e-3):
        super().__init__()
        self.save_hyperparameters()
        self.layers = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, 10))

    def forward(self, x):
        return self.layers(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        self.log("val_loss", F.cross_entropy(logits, y))
        self.log("val_acc", (logits.argmax(1) == y).float().mean())

    def test_step(self, batch, batch_idx):
        x, y = batch
        self.log("test_acc", (self(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=self.trainer.max_epochs)
        return {"optimizer": optimizer, "lr_scheduler": scheduler}


if __name__ == "__main__":
    L.seed_everything(0, workers=True)
    best = ModelCheckpoint(monitor="val_loss", mode="min")
    trainer = L.Trainer(
        max_epochs=15,
        accelerator="cpu",
        logger=CSVLogger("logs"),
        callbacks=[best, LearningRateMonitor(), EarlyStopping("val_loss", patience=5)],
        enable_progress_bar=False,
    )
    data = Digits()
    trainer.fit(Net(), data)
    trainer.test(ckpt_path="best", datamodule=data, weights_only=False)
