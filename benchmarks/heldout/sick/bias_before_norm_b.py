# expect-note: bias-before-norm
# note: linear layers with a bias feed BatchNorm1d, which takes it out again; the regression is fine
import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)


def friedman(n):
    u = torch.rand(n, 10)
    y = 10 * torch.sin(torch.pi * u[:, 0] * u[:, 1]) + 20 * (u[:, 2] - 0.5) ** 2
    y = y + 10 * u[:, 3] + 5 * u[:, 4] + torch.randn(n)
    return (u - 0.5) / 0.289, ((y - 14.4) / 5.0).unsqueeze(1)


def block(n_in, n_out):
    return [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU()]  # fault


x, y = friedman(1600)
x_val, y_val = friedman(400)
model = nn.Sequential(*block(10, 64), *block(64, 64), nn.Linear(64, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=8e-3, total_steps=15 * 25)
loss_fn = nn.MSELoss()

for epoch in range(15):
    model.train()
    total = 0.0
    for rows in torch.randperm(1600).view(25, 64):
        optimizer.zero_grad()
        loss = loss_fn(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() / 25
    model.eval()
    with torch.no_grad():
        val = loss_fn(model(x_val), y_val).item()
    r2 = 1 - val / y_val.var().item()
    print(f"epoch {epoch:2d}: train {total:.4f}, validation {val:.4f}, R2 {r2:.3f}")
