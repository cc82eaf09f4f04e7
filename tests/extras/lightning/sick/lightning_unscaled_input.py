# expect: unscaled-input
# note: a column in thousands beside columns of order one
import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class WineData(L.LightningDataModule):
    def setup(self, stage):
        x, y = load_wine(return_X_y=True)
        a, b, c, d = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
        to = lambda x, y: TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y))
        self.train, self.val = to(a, c), to(b, d)

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=16, shuffle=True)  # fault

    def val_dataloader(self):
        return DataLoader(self.val, batch_size=45)


class WineNet(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Linear(32, 3))

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self.net(x), y)  # fault
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_acc", (self.net(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


if __name__ == "__main__":
    L.seed_everything(0)
    trainer = L.Trainer(max_epochs=30, accelerator="cpu", logger=False, enable_progress_bar=False)
    trainer.fit(WineNet(), WineData())  # fault
