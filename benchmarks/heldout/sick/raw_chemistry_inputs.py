# expect: unscaled-input
# accept: uncentred-input, saturated-activation
# note: the wine features go in raw (proline up to 1680 beside hue near 1); tanh units saturate and the net stays poor
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=16)
    return parser.parse_args()


class WineNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(13, 32)
        self.fc2 = nn.Linear(32, 16)
        self.fc3 = nn.Linear(16, 3)
        self.act = nn.Tanh()

    def forward(self, x):
        x = self.act(self.fc1(x))
        x = self.act(self.fc2(x))
        return self.fc3(x)


def train_epoch(net, loader, optimizer, criterion):
    net.train()
    total = 0.0
    for x, y in loader:  # fault
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * x.size(0)
    return total / len(loader.dataset)


def evaluate(net, loader):
    net.eval()
    with torch.no_grad():
        good = sum((net(x).argmax(1) == y).sum().item() for x, y in loader)
    return good / len(loader.dataset)


if __name__ == "__main__":
    args = parse()
    torch.manual_seed(args.seed)
    wine = load_wine()
    features = torch.tensor(wine.data, dtype=torch.float32)  # fault
    classes = torch.tensor(wine.target)
    a, b, c, d = train_test_split(
        features, classes, test_size=0.3, random_state=args.seed, stratify=classes
    )
    train_loader = DataLoader(TensorDataset(a, c), batch_size=args.batch_size, shuffle=True)
    val_loader = DataLoader(TensorDataset(b, d), batch_size=64)
    net = WineNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        loss = train_epoch(net, train_loader, optimizer, criterion)
        print(f"epoch {epoch + 1:2d}  loss {loss:.4f}  val acc {evaluate(net, val_loader):.3f}")
