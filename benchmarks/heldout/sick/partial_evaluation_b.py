# expect: partial-evaluation
# note: the validation score is the mean of the batch means and the last batch holds a single
#       sample, which counts as much as 64 others: the accuracy jumps by a third with that one
#       sample
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def ring_data(n, rng):
    """Inner disc against ring, in five dimensions, with overlap."""
    y = rng.integers(0, 2, n)
    direction = rng.normal(size=(n, 5))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = np.where(y == 1, 2.9, 1.6) + 0.5 * rng.normal(size=n)
    x = direction * radius[:, None]
    return TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(
            nn.Linear(5, 40), nn.SELU(), nn.Linear(40, 40), nn.SELU(), nn.Linear(40, 2)
        )

    def forward(self, x):
        return self.stack(x)


def accuracy(logits, target):
    return (logits.argmax(dim=1) == target).float().mean().item()


def validation_pass(model, loader, criterion):
    model.eval()
    losses, scores = [], []
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            losses.append(criterion(logits, y).item())
            scores.append(accuracy(logits, y))
    return np.mean(losses), np.mean(scores)  # fault


def training_pass(model, loader, criterion, optimizer):
    model.train()
    total, count = 0.0, 0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=15)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    train_loader = DataLoader(ring_data(960, rng), batch_size=32, shuffle=True)
    val_loader = DataLoader(ring_data(129, rng), batch_size=64)
    model = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, betas=(0.9, 0.98))
    for epoch in range(args.epochs):
        train_loss = training_pass(model, train_loader, criterion, optimizer)
        val_loss, val_acc = validation_pass(model, val_loader, criterion)
        print(f"epoch {epoch:2d} train {train_loss:.4f} val {val_loss:.4f} acc {val_acc:.4f}")


if __name__ == "__main__":
    main()
