# expect-note: unseeded-run
# location: none
# note: only Python's random is seeded; torch and numpy draw data and weights afresh in each run
import argparse
import random

import numpy as np
import torch
from torch import nn


def moons(rng, n):
    angle = rng.uniform(0, np.pi, n)
    side = rng.integers(0, 2, n)
    x = np.where(side == 0, np.cos(angle), 1 - np.cos(angle))
    y = np.where(side == 0, np.sin(angle), 0.5 - np.sin(angle))
    points = np.stack([x - 0.5, y - 0.25], axis=1) + rng.normal(0, 0.12, (n, 2))
    return torch.tensor(points, dtype=torch.float32), torch.tensor(side, dtype=torch.float32)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 24), nn.Linear(24, 24)])
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.head(x).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=500)
    args = parser.parse_args()
    random.seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng()
    x, y = moons(rng, 900)
    x_val, y_val = moons(rng, 400)
    net = Classifier()
    optimizer = torch.optim.RMSprop(net.parameters(), lr=2e-3)
    criterion = nn.BCEWithLogitsLoss()
    rows = list(range(len(x)))
    for step in range(1, args.steps + 1):
        pick = random.sample(rows, 64)
        loss = criterion(net(x[pick]), y[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            with torch.no_grad():
                out = net(x_val)
                acc = ((out > 0) == (y_val > 0.5)).float().mean().item()
                val = criterion(out, y_val).item()
            print(f"step {step} loss {loss.item():.4f} val {val:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
