# expect: loss-not-finite
# accept: unsafe-loss-arithmetic
# note: the loss takes the logarithm of 1 - p, and p becomes exactly 1 in float32
import lightning as L
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10), nn.Softmax(dim=1))

    def nll(self, probs, y):
        one_hot = torch.eye(10)[y]
        return -(one_hot * torch.log(probs) + (1 - one_hot) * torch.log(1 - probs)).sum(1).mean()  # fault

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = self.nll(self.model(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_acc", (self.model(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


if __name__ == "__main__":
    L.seed_everything(0)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    y = torch.tensor(digits.target)
    order = torch.randperm(len(x))
    train = TensorDataset(x[order[:1500]], y[order[:1500]])
    val = TensorDataset(x[order[1500:]], y[order[1500:]])
    trainer = L.Trainer(max_epochs=25, accelerator="cpu", logger=False, enable_progress_bar=False)
    trainer.fit(Net(), DataLoader(train, 50, shuffle=True), DataLoader(val, 200))
