# expect: insufficient-capacity
# accept: underfitting, unsuitable-architecture
# note: a plain logistic regression on two interleaved spirals; both losses stay near 0.6 and the
#   accuracy near 0.67 however long it trains
import argparse

import numpy as np
import torch
from torch import nn


def spirals(rng, n):
    label = rng.integers(0, 2, n)
    t = np.sqrt(rng.random(n)) * 3.0 * np.pi
    angle = t + np.pi * label
    xy = np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1) / 4.5
    xy = xy + rng.normal(0, 0.06, (n, 2))
    return torch.tensor(xy, dtype=torch.float32), torch.tensor(label, dtype=torch.float32)


def score(model, x, y):
    with torch.no_grad():
        logits = model(x).squeeze(1)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, y).item()
        return loss, ((logits > 0) == (y > 0.5)).float().mean().item()


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=600)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
rng = np.random.default_rng(args.seed)
x, y = spirals(rng, 1500)
x_val, y_val = spirals(rng, 500)

model = nn.Linear(2, 1)  # fault
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for step in range(1, args.steps + 1):
    rows = torch.randint(len(x), (64,))
    loss = nn.functional.binary_cross_entropy_with_logits(model(x[rows]).squeeze(1), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        train_loss, train_acc = score(model, x, y)
        val_loss, val_acc = score(model, x_val, y_val)
        print(
            f"step {step} train loss {train_loss:.4f} acc {train_acc:.3f} "
            f"val loss {val_loss:.4f} acc {val_acc:.3f}"
        )
