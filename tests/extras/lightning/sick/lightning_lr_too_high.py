# expect: lr-too-high
# accept: loss-diverges, loss-flat, dead-relu
# note: SGD with momentum at 1.5, the loss jumps and settles where all classes are as likely
import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(L.LightningModule):
    def __init__(self, lr=1.5):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 10))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_loss", F.cross_entropy(self(x), y))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9)  # fault


if __name__ == "__main__":
    L.seed_everything(0)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    train, val = random_split(TensorDataset(x, torch.tensor(digits.target)), [1437, 360])
    trainer = L.Trainer(max_epochs=10, accelerator="cpu", logger=False, enable_progress_bar=False)
    trainer.fit(Net(), DataLoader(train, 64, shuffle=True), DataLoader(val, 180))
