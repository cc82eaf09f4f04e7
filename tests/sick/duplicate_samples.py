# expect: duplicate-samples
# location: none
# note: every shard is cut from the very start: early rows are in the training set six times
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset


def make_shards(x, y, size):
    shards = []
    for start in range(0, len(x), size):
        end = start + size
        shards.append(TensorDataset(x[:end], y[:end]))
    return ConcatDataset(shards)


class Net(nn.Module):
    def __init__(self, n_in=64, width=48, n_out=10):
        super().__init__()
        self.fc1 = nn.Linear(n_in, width)
        self.fc2 = nn.Linear(width, width)
        self.out = nn.Linear(width, n_out)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.out(x)


def evaluate(model, loader):
    model.eval()
    loss, hits, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss += nn.functional.cross_entropy(logits, y, reduction="sum").item()
            hits += (logits.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, hits / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    y = torch.tensor(digits.target)
    order = torch.randperm(len(x))
    train, val = order[:1200], order[1200:]
    mean, std = x[train].mean(), x[train].std()
    x = (x - mean) / std

    train_set = make_shards(x[train], y[train], size=200)
    print(f"{len(train_set)} training images, {len(val)} validation images")
    train_loader = DataLoader(train_set, batch_size=100, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[val], y[val]), batch_size=200)

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
        val_loss, val_acc = evaluate(model, val_loader)
        print(
            f"epoch {epoch + 1}: train {total / len(train_set):.4f} "
            f"val {val_loss:.4f} acc {val_acc:.3f}"
        )


if __name__ == "__main__":
    main()
