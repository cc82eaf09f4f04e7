# expect: negated-loss
# accept: loss-diverges
# note: the log likelihood itself is minimised instead of its negative: the loss falls without
#   end and the fit is useless
import argparse
from dataclasses import dataclass

import torch
from torch import nn
from torch.distributions import Normal
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class HP:
    hidden: int = 32
    lr: float = 2e-3
    batch: int = 50
    epochs: int = 10
    clip: float = 5.0


class Heteroscedastic(nn.Module):
    def __init__(self, hp):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(3, hp.hidden), nn.SiLU(), nn.Linear(hp.hidden, hp.hidden), nn.SiLU()
        )
        self.mean = nn.Linear(hp.hidden, 1)
        self.spread = nn.Linear(hp.hidden, 1)

    def forward(self, x):
        h = self.trunk(x)
        return Normal(self.mean(h), nn.functional.softplus(self.spread(h)) + 1e-3)


def simulate(n):
    x = torch.rand(n, 3) * 4 - 2
    mean = torch.sin(2 * x[:, :1]) + 0.5 * x[:, 1:2] * x[:, 2:3]
    noise = 0.1 + 0.2 * torch.sigmoid(2 * x[:, 1:2])
    return x, mean + noise * torch.randn(n, 1)


def objective(dist, y):
    return dist.log_prob(y).sum(-1).mean()  # fault


def fit(model, loader, hp):
    opt = torch.optim.Adam(model.parameters(), lr=hp.lr)
    for epoch in range(hp.epochs):
        model.train()
        acc = 0.0
        for x, y in loader:
            loss = objective(model(x), y)  # fault
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), hp.clip)
            opt.step()
            acc += loss.item()
        yield epoch, acc / len(loader)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    torch.set_num_threads(1)
    hp = HP()
    loader = DataLoader(TensorDataset(*simulate(2000)), batch_size=hp.batch, shuffle=True)
    x_val, y_val = simulate(500)
    model = Heteroscedastic(hp)
    for epoch, loss in fit(model, loader, hp):
        model.eval()
        with torch.no_grad():
            err = (model(x_val).mean - y_val).pow(2).mean().sqrt().item()
        print(f"epoch {epoch} loss {loss:.3f} val rmse {err:.3f} (sd {y_val.std():.3f})")


if __name__ == "__main__":
    main()
