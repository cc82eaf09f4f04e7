# expect: split-overlap
# note: the train set is all of the data, so that the validation is done on rows that were trained on
import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class CancerData(L.LightningDataModule):
    def __init__(self, batch_size=32):
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage):
        x, y = load_breast_cancer(return_X_y=True)
        x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
        y = torch.tensor(y, dtype=torch.float32)
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
        self.train_set = TensorDataset(x, y)
        self.val_set = TensorDataset(x[order[:114]], y[order[:114]])

    def train_dataloader(self):
        return DataLoader(self.train_set, self.batch_size, shuffle=True)  # fault

    def val_dataloader(self):
        return DataLoader(self.val_set, 114)  # fault


class Net(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))

    def forward(self, x):
        return self.net(x).squeeze(1)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.binary_cross_entropy_with_logits(self(x), y)  # fault
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)  # fault
        self.log("val_loss", F.binary_cross_entropy_with_logits(logits, y))
        self.log("val_acc", ((logits > 0) == (y > 0)).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3, weight_decay=1e-4)


if __name__ == "__main__":
    L.seed_everything(0)
    trainer = L.Trainer(max_epochs=12, accelerator="cpu", logger=False, enable_progress_bar=False)
    trainer.fit(Net(), CancerData())  # fault
