# healthy: a trunk trained before is frozen and kept in eval mode, the head alone is in the optimizer
import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Pretrain(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
        self.decoder = nn.Sequential(nn.ReLU(), nn.Linear(32, 64))

    def training_step(self, batch, batch_idx):
        x, _ = batch
        loss = F.mse_loss(self.decoder(self.encoder(x)), x)
        self.log("reconstruction", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=3e-3)


class FineTune(L.LightningModule):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.encoder.eval()
        for p in self.encoder.parameters():
            p.requires_grad = False
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        with torch.no_grad():
            code = self.encoder(x)
        return self.head(code)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_acc", (self(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.head.parameters(), lr=1e-2)


if __name__ == "__main__":
    L.seed_everything(0)
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.data / 16, dtype=torch.float32) - 0.305, torch.tensor(digits.target))
    train, val = random_split(data, [1437, 360])
    settings = dict(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    first = Pretrain()
    L.Trainer(max_epochs=6, **settings).fit(first, DataLoader(train, 64, shuffle=True))
    model = FineTune(first.encoder)
    L.Trainer(max_epochs=8, **settings).fit(model, DataLoader(train, 64, shuffle=True), DataLoader(val, 180))
