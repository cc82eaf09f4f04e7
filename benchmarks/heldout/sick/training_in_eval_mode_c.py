# expect: training-in-eval-mode
# note: model.train() stands once before the loop; after the first validation the model stays in
#   eval mode
import argparse
from dataclasses import dataclass

import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class TrainConfig:
    epochs: int = 25
    batch_size: int = 16
    lr: float = 0.01
    hidden: int = 48
    dropout: float = 0.4


class WineNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(13, cfg.hidden),
            nn.BatchNorm1d(cfg.hidden),
            nn.ReLU(),
            nn.Dropout(cfg.dropout),
            nn.Linear(cfg.hidden, cfg.hidden),
            nn.BatchNorm1d(cfg.hidden),
            nn.ReLU(),
            nn.Dropout(cfg.dropout),
        )
        self.classifier = nn.Linear(cfg.hidden, 3)

    def forward(self, x):
        return self.classifier(self.features(x))


def validate(model, x, y, criterion):
    model.eval()  # fault
    with torch.no_grad():
        logits = model(x)
        return criterion(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def fit(model, loader, x_val, y_val, cfg):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.9, weight_decay=1e-4)
    model.train()  # fault
    for epoch in range(cfg.epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        val_loss, val_acc = validate(model, x_val, y_val, criterion)
        print(f"epoch {epoch:2d} train {total / len(loader):.3f} "
              f"val {val_loss:.3f} acc {val_acc:.3f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    cfg = TrainConfig()

    data = load_wine()
    perm = torch.randperm(len(data.target))
    x = torch.tensor(data.data, dtype=torch.float32)[perm]
    y = torch.tensor(data.target)[perm]
    scaler = StandardScaler().fit(x[:128].numpy())
    x = torch.tensor(scaler.transform(x.numpy()), dtype=torch.float32)
    loader = DataLoader(
        TensorDataset(x[:128], y[:128]), batch_size=cfg.batch_size, shuffle=True, drop_last=True
    )
    fit(WineNet(cfg), loader, x[128:], y[128:], cfg)


if __name__ == "__main__":
    main()
