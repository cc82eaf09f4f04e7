# expect: stale-optimizer
# accept: parameters-not-in-optimizer
# note: the optimizer is made for a first model, then the model is built anew with another width;
#   the new weights never move
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Classifier(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 10)
        )

    def forward(self, x):
        return self.net(x)


class Trainer:
    def __init__(self, lr, hidden=32):
        self.model = Classifier(hidden)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=lr)
        self.loss_fn = nn.CrossEntropyLoss()

    def set_width(self, hidden):
        self.model = Classifier(hidden)  # fault

    def fit(self, loader, val, epochs):
        for epoch in range(epochs):
            self.model.train()
            seen, total = 0, 0.0
            for xb, yb in loader:
                loss = self.loss_fn(self.model(xb), yb)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                seen += len(xb)
                total += loss.item() * len(xb)
            print(f"epoch {epoch}  loss {total / seen:.4f}  val_acc {self.evaluate(*val):.3f}")

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        return (self.model(x).argmax(-1) == y).float().mean().item()


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    cli.add_argument("--hidden", type=int, default=80)
    a = cli.parse_args()
    torch.manual_seed(a.seed)
    d = load_digits()
    x = torch.tensor(d.data, dtype=torch.float32) / 8 - 1
    y = torch.tensor(d.target)
    p = torch.randperm(len(x))
    x, y = x[p], y[p]
    loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=40, shuffle=True)
    trainer = Trainer(lr=1e-3)
    trainer.set_width(a.hidden)
    trainer.fit(loader, (x[1400:], y[1400:]), epochs=8)
