# healthy: a small transformer, warm-up by LambdaLR per step, weight averaging at the end, metrics of torchmetrics
import lightning as L
import torch
import torch.nn.functional as F
import torchmetrics
from lightning.pytorch.callbacks import StochasticWeightAveraging
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class RowTransformer(L.LightningModule):
    def __init__(self, dim=32, warmup=20):
        super().__init__()
        self.save_hyperparameters()
        self.embed = nn.Linear(8, dim)
        self.position = nn.Parameter(torch.randn(8, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(dim, 10)
        self.train_acc = torchmetrics.Accuracy("multiclass", num_classes=10)
        self.val_acc = torchmetrics.Accuracy("multiclass", num_classes=10)

    def forward(self, rows):
        return self.head(self.encoder(self.embed(rows) + self.position).mean(1))

    def training_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        loss = F.cross_entropy(logits, y)
        self.train_acc(logits, y)
        self.log("train_loss", loss)
        self.log("train_acc", self.train_acc, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        self.val_acc(logits, y)
        self.log("val_loss", F.cross_entropy(logits, y))
        self.log("val_acc", self.val_acc)

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=3e-3, weight_decay=0.01)
        warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / self.hparams.warmup))
        return [optimizer], [{"scheduler": warm, "interval": "step"}]


if __name__ == "__main__":
    L.seed_everything(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)
    images = (images - images.mean()) / images.std()
    train, val = random_split(TensorDataset(images, torch.tensor(digits.target)), [1437, 360])
    trainer = L.Trainer(
        max_epochs=8, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        callbacks=[StochasticWeightAveraging(swa_lrs=1e-3, swa_epoch_start=6)],
    )
    trainer.fit(RowTransformer(), DataLoader(train, 64, shuffle=True), DataLoader(val, 180))
