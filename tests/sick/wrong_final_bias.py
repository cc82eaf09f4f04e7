# expect: wrong-final-bias
# accept: unexpected-initial-loss
# note: log((1 - p) / p) lacks its minus sign: rare positives are predicted with 0.9 at first
import argparse
import math

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def faults(n, rng):
    """Vibration features of a machine; one hour in ten precedes a breakdown."""
    x = rng.normal(size=(n, 14))
    risk = 2.2 * x[:, 0] - 1.8 * x[:, 1] + 1.5 * np.maximum(x[:, 2], 0) * x[:, 3] - 3.6
    y = (risk + rng.logistic(0, 0.5, n) > 0).astype(np.float32)
    return torch.tensor(x, dtype=torch.float32), torch.from_numpy(y)


class BreakdownNet(nn.Module):
    def __init__(self, n_features, prior):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_features, 32),
            nn.ReLU(),
            nn.Linear(32, 32),
            nn.ReLU(),
        )
        self.head = nn.Linear(32, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.constant_(self.head.bias, math.log((1 - prior) / prior))  # fault

    def forward(self, x):
        return self.head(self.body(x)).squeeze(1)


def report(model, loader, criterion):
    model.eval()
    losses, probs, labels = [], [], []
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            losses.append(criterion(logits, y).item() * len(y))
            probs.append(torch.sigmoid(logits))
            labels.append(y)
    probs, labels = torch.cat(probs), torch.cat(labels)
    hit = (probs > 0.5) & (labels == 1)
    recall = hit.sum() / labels.sum()
    precision = hit.sum() / (probs > 0.5).sum().clamp(min=1)
    return sum(losses) / len(labels), recall.item(), precision.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x, y = faults(4000, rng)
    x_val, y_val = faults(1000, rng)
    train_loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=250)
    prior = y.mean().item()
    print(f"share of positives {prior:.3f}")

    model = BreakdownNet(x.shape[1], prior)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(8):
        model.train()
        total = 0.0
        for xb, yb in train_loader:
            loss = criterion(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb) / len(y)
        val, recall, precision = report(model, val_loader, criterion)
        print(f"{epoch}: {total:.4f} val {val:.4f} recall {recall:.3f} precision {precision:.3f}")


if __name__ == "__main__":
    main()
