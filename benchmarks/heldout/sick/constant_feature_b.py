# expect: constant-feature
# note: minutes are divided as if they were seconds, the hour is 0 all day, the cycle is lost
import argparse
import math

import torch
from torch import nn

parser = argparse.ArgumentParser(description="electricity load from time of day and weather")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=14)
args = parser.parse_args()
gen = torch.Generator().manual_seed(args.seed)
torch.manual_seed(args.seed)


def simulate(n):
    minute = torch.randint(0, 24 * 60, (n,), generator=gen)
    weekend = (torch.rand(n, generator=gen) < 2 / 7).float()
    outside = 12 + 8 * torch.randn(n, generator=gen)
    hour = minute / 60
    morning = torch.exp(-(((hour - 8) / 2.5) ** 2)) * (1 - 0.6 * weekend)
    evening = 1.4 * torch.exp(-(((hour - 19) / 3) ** 2))
    load = 2 + 3 * (morning + evening) + 0.25 * (outside - 16).abs()
    return minute, weekend, outside, load + 0.15 * torch.randn(n, generator=gen)


def encode(minute, weekend, outside):
    hour = torch.div(minute, 3600, rounding_mode="floor") % 24  # fault
    angle = 2 * math.pi * hour / 24
    waves = [f(k * angle) for k in (1, 2, 3) for f in (torch.sin, torch.cos)]
    return torch.stack([*waves, 2 * weekend - 1, (outside - 12) / 8], dim=1)


minute, weekend, outside, load = simulate(3000)
x = encode(minute, weekend, outside)
y = ((load - load.mean()) / load.std()).unsqueeze(1)
x_train, y_train, x_val, y_val = x[:2400], y[:2400], x[2400:], y[2400:]

model = nn.Sequential(
    nn.Linear(x.shape[1], 48),
    nn.Softplus(),
    nn.Linear(48, 48),
    nn.Softplus(),
    nn.Linear(48, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs, eta_min=2e-4)

for epoch in range(args.epochs):
    mae = 0.0
    for rows in torch.randperm(2400, generator=gen).view(-1, 80):
        optimizer.zero_grad()
        loss = nn.functional.l1_loss(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        mae += loss.item() / 30
    schedule.step()
    with torch.no_grad():
        residual = model(x_val) - y_val
    r2 = 1 - residual.pow(2).mean() / y_val.var()
    print(f"{epoch:2d} train mae {mae:.4f} val mae {residual.abs().mean():.4f} R2 {r2:.3f}")
