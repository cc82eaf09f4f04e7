# healthy: three quantiles at once with the pinball loss; (N, 3) against (N, 1) broadcasts on
#   purpose, the loss stays well above 0
import argparse

import numpy as np
import torch
from torch import nn

TAUS = torch.tensor([0.1, 0.5, 0.9])


def pinball(pred, target):
    diff = target - pred
    return torch.maximum(TAUS * diff, (TAUS - 1) * diff).mean()


class Demand(nn.Module):
    def __init__(self):
        super().__init__()
        self.day = nn.Embedding(7, 4)
        self.net = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU())
        self.low = nn.Linear(48, 1)
        self.gaps = nn.Linear(48, 2)

    def forward(self, day, cont):
        h = self.net(torch.cat([self.day(day), cont], 1))
        steps = nn.functional.softplus(self.gaps(h)).cumsum(1)
        low = self.low(h)
        return torch.cat([low, low + steps], 1)


def simulate(n, rng):
    day = rng.integers(0, 7, n)
    temp, promo = rng.normal(size=n), rng.random(n) < 0.3
    mean = 0.5 * np.sin(day) + 0.7 * np.tanh(temp) + 0.8 * promo
    y = mean + (0.15 + 0.3 * promo) * rng.standard_t(5, n)
    cont = np.column_stack([temp, promo * 2.0 - 0.6])
    return (
        torch.tensor(day),
        torch.tensor(cont, dtype=torch.float32),
        torch.tensor(y, dtype=torch.float32).unsqueeze(1),
    )


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    day, cont, y = simulate(2000, rng)
    dv, cv, yv = simulate(600, rng)
    model = Demand()
    opt = torch.optim.Adamax(model.parameters(), lr=5e-3)
    base = pinball(torch.quantile(y, TAUS).unsqueeze(0), yv).item()
    for epoch in range(10):
        model.train()
        tot = 0.0
        for idx in torch.randperm(len(y)).split(50):
            loss = pinball(model(day[idx], cont[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item()
        model.eval()
        with torch.no_grad():
            q = model(dv, cv)
        cover = (yv <= q).float().mean(0).tolist()
        text = " ".join(f"{c:.2f}" for c in cover)
        print(f"{epoch} train {tot / 40:.4f} val {pinball(q, yv):.4f} ({base:.4f}) cover {text}")


main()
