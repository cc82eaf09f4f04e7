# expect: double-softmax
# accept: logits-as-probabilities
# note: the model already turns scores into probabilities by hand and CrossEntropyLoss does it
#   again; hangs at 2.3, then far above 1.46
import argparse
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    width: int = 16
    lr: float = 0.05
    momentum: float = 0.9
    batch_size: int = 64
    epochs: int = 8


class ConvNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        w = cfg.width
        self.features = nn.Sequential(
            nn.Conv2d(1, w, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(w, 2 * w, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(2 * w * 4, 10)

    def forward(self, x):
        scores = self.classifier(self.features(x).flatten(1))
        e = torch.exp(scores - scores.max(dim=1, keepdim=True).values)
        return e / e.sum(dim=1, keepdim=True)  # fault


def load(cfg):
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
    x = (x - x.mean()) / x.std()
    y = torch.tensor(y)
    tr, te = train_test_split(range(len(x)), test_size=0.25, random_state=0, stratify=y)
    train = DataLoader(TensorDataset(x[tr], y[tr]), cfg.batch_size, shuffle=True)
    test = DataLoader(TensorDataset(x[te], y[te]), 256)
    return train, test


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    hits = total = 0
    for xb, yb in loader:
        hits += (model(xb).argmax(1) == yb).sum().item()
        total += len(yb)
    return hits / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    torch.set_num_threads(1)
    cfg = Config()
    train, test = load(cfg)
    model = ConvNet(cfg)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=cfg.momentum)
    for epoch in range(cfg.epochs):
        model.train()
        running = 0.0
        for xb, yb in train:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)  # fault
            loss.backward()
            optimizer.step()
            running += loss.item() * len(yb)
        acc = accuracy(model, test)
        print(f"epoch {epoch} loss {running / len(train.dataset):.4f} test acc {acc:.3f}")


if __name__ == "__main__":
    main()
