# healthy: count regression with exposure; raw counts from 0 to hundreds as targets, no activation
# on outputs, a learned dispersion that stands alone in the model, and the log of the exposure
# added to the output
import argparse
import math

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class CountNet(nn.Module):
    def __init__(self, features, log_rate):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(features, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1)
        )
        nn.init.constant_(self.body[-1].bias, log_rate)
        self.log_theta = nn.Parameter(torch.zeros(()))

    def forward(self, x, exposure):
        return (self.body(x).squeeze(1) + exposure.log()).exp()


def nb_nll(mu, theta, y):
    ll = torch.lgamma(y + theta) - torch.lgamma(theta) - torch.lgamma(y + 1)
    ll = ll + theta * (theta / (theta + mu)).log() + y * (mu / (theta + mu)).log()
    return -ll.mean()


def simulate(rng, n):
    x = rng.normal(size=(n, 6)) * [1, 2, 5, 1, 10, 1] + [0, 3, 20, 0, -4, 0]
    z = (x - [0, 3, 20, 0, -4, 0]) / [1, 2, 5, 1, 10, 1]
    rate = np.exp(0.5 + 0.6 * z[:, 0] + 0.5 * np.sin(2 * z[:, 1]) - 0.4 * z[:, 2] * z[:, 3])
    exposure = rng.uniform(0.5, 20, n)
    y = rng.poisson(rng.gamma(3.0, rate * exposure / 3.0))
    return [torch.tensor(a, dtype=torch.float32) for a in (x, exposure, y)]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    x, e, y = simulate(rng, 4000)
    xv, ev, yv = simulate(rng, 1000)
    mean, std = x.mean(0), x.std(0)
    x, xv = (x - mean) / std, (xv - mean) / std
    rate = (y.sum() / e.sum()).item()
    print(f"counts up to {int(y.max())}, {100 * (y == 0).float().mean():.0f} % zeros")
    model = CountNet(6, math.log(rate))
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-3)
    loader = DataLoader(TensorDataset(x, e, y), batch_size=100, shuffle=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12, eta_min=2e-4)
    for epoch in range(12):
        model.train()
        total = 0.0
        for xb, eb, yb in loader:
            loss = nb_nll(model(xb, eb), model.log_theta.exp(), yb)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            total += loss.item() * len(xb)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            theta = model.log_theta.exp()
            v = nb_nll(model(xv, ev), theta, yv).item()
            flat = nb_nll(rate * ev, theta, yv).item()
        print(
            f"{epoch}: train {total / len(x):.3f} val {v:.3f} (one rate {flat:.3f}) {theta:.2f}"
        )


if __name__ == "__main__":
    main()
