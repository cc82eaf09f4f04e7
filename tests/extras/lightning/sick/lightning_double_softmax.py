# expect: double-softmax
# note: forward ends in a softmax and cross_entropy applies another; the loss cannot go below 1.46
import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class LitDigits(L.LightningModule):
    def __init__(self, lr=0.05):
        super().__init__()
        self.save_hyperparameters()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return torch.softmax(self.head(self.body(x)), dim=1)  # fault

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self(x), y)  # fault
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        probs = self(x)
        self.log_dict({"val_loss": F.cross_entropy(probs, y), "val_acc": (probs.argmax(1) == y).float().mean()})

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9)


if __name__ == "__main__":
    L.seed_everything(1, workers=True)
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.data / 16 - 0.305, dtype=torch.float32), torch.tensor(digits.target))
    train, val = random_split(data, [1437, 360])
    trainer = L.Trainer(max_epochs=12, accelerator="cpu", enable_progress_bar=False)
    trainer.fit(LitDigits(), DataLoader(train, batch_size=64, shuffle=True), DataLoader(val, batch_size=180))
