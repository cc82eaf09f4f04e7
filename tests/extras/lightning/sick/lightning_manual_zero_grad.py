# expect: missing-zero-grad
# note: manual optimization, as in the documentation, but the gradients of all batches before are still there
import pytorch_lightning as pl
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ManualDigits(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
        self.criterion = nn.CrossEntropyLoss()

    def training_step(self, batch, batch_idx):
        opt = self.optimizers()
        x, y = batch
        loss = self.criterion(self.net(x), y)
        self.manual_backward(loss)  # fault
        opt.step()  # fault
        self.log("loss", loss)

    def validation_step(self, batch, batch_idx):
        x, y = batch
        logits = self.net(x)
        self.log("val_acc", (logits.argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


def main():
    pl.seed_everything(0)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32) - 0.305, torch.tensor(y)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    train = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=50, shuffle=True)
    val = DataLoader(TensorDataset(x[1500:], y[1500:]), batch_size=150)
    trainer = pl.Trainer(max_epochs=8, accelerator="cpu", logger=False, enable_progress_bar=False)
    trainer.fit(ManualDigits(), train, val)


if __name__ == "__main__":
    main()
