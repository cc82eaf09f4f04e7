# healthy: counts with a Poisson likelihood: the network gives a log rate (no activation wanted)
# and the loss is negative from the first step on; the last bias starts at the log of the mean
# count
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def bike_hires(n, rng):
    hour = rng.integers(0, 24, n)
    weekend = (rng.random(n) < 2 / 7).astype(float)
    temp = rng.normal(14, 7, n)
    rain = (rng.random(n) < 0.2).astype(float)
    commute = np.exp(-((hour - 8) ** 2) / 4) + np.exp(-((hour - 17.5) ** 2) / 5)
    leisure = np.exp(-((hour - 14) ** 2) / 20)
    log_rate = 0.6 + (1 - weekend) * 1.6 * commute + (0.5 + weekend) * leisure
    log_rate = log_rate + 0.045 * temp - 0.0009 * (temp - 14) ** 2 - 0.7 * rain
    counts = rng.poisson(np.exp(log_rate))
    angle = 2 * np.pi * hour / 24
    x = np.column_stack([
        np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle),
        weekend - 0.3, (temp - 14) / 7, rain - 0.2,
    ])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(counts, dtype=torch.float32)


class CountModel(nn.Module):
    def __init__(self, n_in, mean_count):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(n_in, 40), nn.Mish(), nn.Linear(40, 40), nn.Mish())
        self.log_rate = nn.Linear(40, 1)
        nn.init.constant_(self.log_rate.bias, float(np.log(mean_count)))

    def forward(self, x):
        return self.log_rate(self.hidden(x)).squeeze(1)


def deviance(log_rate, y):
    rate = log_rate.exp()
    return 2 * (torch.xlogy(y, y / rate) - (y - rate)).mean().item()


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
rng = np.random.default_rng(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

x_train, y_train = bike_hires(4000, rng)
x_test, y_test = bike_hires(1000, rng)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=80, shuffle=True)
model = CountModel(x_train.size(1), y_train.mean().item())
criterion = nn.PoissonNLLLoss(log_input=True)
optimizer = torch.optim.RAdam(model.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)

null = deviance(torch.full_like(y_test, y_train.mean().log().item()), y_test)
for epoch in range(10):
    model.train()
    total = 0.0
    for xb, yb in loader:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_test)
    print(f"epoch {epoch} train {total / 4000:+.4f} test {criterion(out, y_test).item():+.4f} "
          f"deviance {deviance(out, y_test):.3f} (constant rate: {null:.3f})")
