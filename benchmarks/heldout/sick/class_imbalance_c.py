# expect: class-imbalance
# accept: collapsed-prediction
# location: none
# note: 1 % fraud, plain BCE and random batches; 99 % accuracy by always saying "no fraud", recall
#   near 0
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def transactions(n, rng, rate=0.01):
    y = (rng.random(n) < rate).astype(np.float32)
    x = rng.standard_normal((n, 12)).astype(np.float32)
    x[y == 1, 0] += 1.0
    x[y == 1, 3] -= 0.9
    x[y == 1, 5] *= 1.6
    x[:, 7] = 0.6 * x[:, 0] + 0.8 * x[:, 7]
    return torch.from_numpy(x), torch.from_numpy(y)


class FraudNet(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_features, 32), nn.GELU(), nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 1)
        )

    def forward(self, x):
        return self.body(x).squeeze(-1)


def train_epoch(model, loader, loss_fn, optimizer):
    model.train()
    total = 0.0
    for x, y in loader:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    pred, true = [], []
    for x, y in loader:
        pred.append(model(x) > 0)
        true.append(y > 0.5)
    pred, true = torch.cat(pred), torch.cat(true)
    recall = (pred & true).sum() / true.sum()
    return (pred == true).float().mean().item(), recall.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    x_train, y_train = transactions(12000, rng)
    x_val, y_val = transactions(4000, rng)
    train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=256, shuffle=True)
    val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=1000)

    model = FraudNet(x_train.shape[1])
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(10):
        loss = train_epoch(model, train_loader, loss_fn, optimizer)
        acc, recall = evaluate(model, val_loader)
        print(f"epoch {epoch}: loss {loss:.4f} accuracy {acc:.4f} recall {recall:.3f}")


if __name__ == "__main__":
    main()
