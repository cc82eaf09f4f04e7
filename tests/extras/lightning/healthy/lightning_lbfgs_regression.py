# healthy: L-BFGS, whose closure the Trainer gives, on a regression of scaled targets
import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Regression(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 6), nn.Tanh(), nn.Linear(6, 1))

    def forward(self, x):
        return self.net(x).squeeze(1)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.mse_loss(self(x), y)
        self.log("train_mse", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_mse", F.mse_loss(self(x), y))

    def configure_optimizers(self):
        return torch.optim.LBFGS(self.parameters(), lr=0.3, max_iter=3)


if __name__ == "__main__":
    L.seed_everything(2)
    x, y = load_diabetes(return_X_y=True)
    x, y = torch.tensor(x / x.std(0), dtype=torch.float32), torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)
    order = torch.randperm(len(x))
    train = TensorDataset(x[order[:350]], y[order[:350]])
    val = TensorDataset(x[order[350:]], y[order[350:]])
    quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer = L.Trainer(max_epochs=8, accelerator="cpu", **quiet)
    trainer.fit(Regression(), DataLoader(train, 350), DataLoader(val, 92))
