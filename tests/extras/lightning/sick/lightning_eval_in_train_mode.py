# expect: evaluation-in-train-mode
# accept: evaluation-changes-state
# note: the hook that puts the model into eval mode for the validation is overridden and does nothing
import lightning as L
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class DigitNet(L.LightningModule):
    def __init__(self, p=0.4):
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(64, 128), nn.BatchNorm1d(128)
        self.fc2, self.bn2 = nn.Linear(128, 64), nn.BatchNorm1d(64)
        self.fc3 = nn.Linear(64, 10)
        self.drop = nn.Dropout(p)

    def forward(self, x):
        x = self.drop(torch.relu(self.bn1(self.fc1(x))))
        x = self.drop(torch.relu(self.bn2(self.fc2(x))))
        return self.fc3(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def on_validation_model_eval(self):
        self.train()  # a custom layer of an older version broke in eval mode

    def validation_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)  # fault
        self.log("val_loss", F.cross_entropy(logits, y), prog_bar=True)
        self.log("val_acc", (logits.argmax(1) == y).float().mean(), prog_bar=True)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=2e-3)


if __name__ == "__main__":
    L.seed_everything(0)
    X, y = load_digits(return_X_y=True)
    a, b, c, d = train_test_split((X - 4.88) / 6.02, y, test_size=0.2, random_state=0, stratify=y)
    train = TensorDataset(torch.tensor(a, dtype=torch.float32), torch.tensor(c))
    valid = TensorDataset(torch.tensor(b, dtype=torch.float32), torch.tensor(d))
    trainer = L.Trainer(max_epochs=10, accelerator="cpu", logger=False, enable_progress_bar=False)
    trainer.fit(DigitNet(), DataLoader(train, 64, shuffle=True, drop_last=True), DataLoader(valid, 24))
