# expect: wrong-dtype
# accept: constant-feature, unscaled-input
# note: zeros_like of an integer table is an integer table: scaled values lose their fraction
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

AISLES = ["bread", "fruit", "dairy", "meat", "snacks", "wine", "pets", "baby"]


def baskets(n, rng):
    """Items bought per aisle over a year and the log of the money spent in the next one."""
    loyalty = rng.gamma(4.0, 0.25, size=(n, 1))
    rates = np.array([60, 80, 50, 30, 40, 20, 15, 12])
    taste = rng.gamma(3.0, 1 / 3, size=(n, len(AISLES)))
    counts = rng.poisson(rates * taste * loyalty)
    prices = np.array([2.0, 1.5, 1.8, 7.0, 2.5, 9.0, 6.0, 11.0])
    spent = (counts * prices).sum(axis=1) * np.exp(rng.normal(0, 0.1, n))
    return counts, np.log(spent + 1.0)


def rescale(counts, middle, top):
    scaled = np.zeros_like(counts)  # fault
    for j in range(counts.shape[1]):
        scaled[:, j] = (counts[:, j] - middle[j]) / (top[j] - middle[j])  # fault
    return scaled


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)

    counts, spent = baskets(2400, rng)
    middle, top = counts[:1800].mean(axis=0), np.percentile(counts[:1800], 98, axis=0)
    x = torch.tensor(rescale(counts, middle, top), dtype=torch.float32)
    y = torch.tensor((spent - spent[:1800].mean()) / spent[:1800].std(), dtype=torch.float32)
    train_loader = DataLoader(TensorDataset(x[:1800], y[:1800]), batch_size=60, shuffle=True)
    x_val, y_val = x[1800:], y[1800:]

    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
    model.append(nn.Linear(32, 1)).append(nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.MSELoss()

    for epoch in range(12):
        total = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() / len(train_loader)
        with torch.no_grad():
            error = criterion(model(x_val), y_val).item()
        r2 = 1 - error / y_val.var(correction=0).item()
        print(f"epoch {epoch:2d}: train mse {total:.4f}, val mse {error:.4f}, val R2 {r2:.3f}")


if __name__ == "__main__":
    main()
