# expect: lr-too-low
# accept: tiny-updates, stopped-early, loss-flat
# note: plain SGD at 1e-5 for a regression that needs about 0.05; R2 stays near zero
import argparse

import numpy as np
import torch
from torch import nn


def friedman(rng, n):
    x = rng.random((n, 8))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
    y = y + 10 * x[:, 3] + 5 * x[:, 4] + rng.normal(0, 0.5, n)
    return x, y


def r_squared(pred, target):
    return 1 - ((pred - target) ** 2).mean().item() / target.var(correction=0).item()


config = argparse.ArgumentParser()
config.add_argument("--seed", type=int, default=0)
config.add_argument("--lr", type=float, default=1e-5)
config.add_argument("--epochs", type=int, default=15)
config = config.parse_args()
rng = np.random.default_rng(config.seed)
torch.manual_seed(config.seed)
torch.set_num_threads(1)

x_train, y_train = friedman(rng, 1200)
x_val, y_val = friedman(rng, 400)
x_mean, x_std, y_mean, y_std = x_train.mean(0), x_train.std(0), y_train.mean(), y_train.std()
tensors = [(x_train - x_mean) / x_std, (y_train - y_mean) / y_std]
tensors += [(x_val - x_mean) / x_std, (y_val - y_mean) / y_std]
x_train, y_train, x_val, y_val = (torch.tensor(t, dtype=torch.float32) for t in tensors)

model = nn.Sequential(
    nn.Linear(8, 64),
    nn.LeakyReLU(0.1),
    nn.Linear(64, 64),
    nn.LeakyReLU(0.1),
    nn.Linear(64, 1),
    nn.Flatten(0),
)
optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=0.9)  # fault
loss_fn = nn.MSELoss()
for epoch in range(config.epochs):
    model.train()
    order = torch.randperm(len(x_train))
    epoch_loss = 0.0
    for start in range(0, len(order), 40):
        rows = order[start : start + 40]
        optimizer.zero_grad()
        loss = loss_fn(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(rows)
    model.eval()
    with torch.no_grad():
        score = r_squared(model(x_val), y_val)
    print(f"epoch {epoch:2d}  mse {epoch_loss / len(order):.4f}  validation R2 {score:.3f}")
