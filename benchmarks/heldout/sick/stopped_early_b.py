# expect: stopped-early
# accept: underfitting, lr-too-low
# note: three epochs of a sequence forecast; both errors fall by a quarter in every epoch and
#   the run ends there
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=3)  # fault
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)


def lorenz(n, dt=0.02):
    state, path = np.array([1.0, 1.0, 20.0]), []
    for step in range(n + 200):
        x, y, z = state
        state = state + dt * np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])
        if step >= 200:
            path.append(state)
    return np.array(path, dtype=np.float32)


path = lorenz(2600)
path = (path - path[:2000].mean(0)) / path[:2000].std(0)
HISTORY, AHEAD = 8, 10


def pairs(series):
    n = len(series) - HISTORY - AHEAD
    x = np.stack([series[i : i + HISTORY].ravel() for i in range(n)])
    y = np.stack([series[i + HISTORY + AHEAD - 1] for i in range(n)])
    return TensorDataset(torch.from_numpy(x), torch.from_numpy(y))


train_loader = DataLoader(pairs(path[:2000]), batch_size=40, shuffle=True)
val_set = pairs(path[2000:])
x_val, y_val = val_set.tensors
model = nn.Sequential(nn.Linear(3 * HISTORY, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
model.append(nn.Linear(64, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loss_fn = nn.MSELoss()

step = 0
for epoch in range(args.epochs):
    model.train()
    recent = []
    for xb, yb in train_loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        recent.append(loss.item())
        if step % 16 == 0:
            print(f"step {step} train mse {np.mean(recent):.4f}")
            recent = []
    model.eval()
    with torch.no_grad():
        print(f"epoch {epoch} validation mse {loss_fn(model(x_val), y_val).item():.4f}")
