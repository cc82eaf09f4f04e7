# expect: negated-loss
# note: the mean log-likelihood is minimised without its minus sign, so the net is trained to make
#       the data as unlikely as it can; the printed number falls without end
import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal


def sample_data(n, generator):
    """A noisy curve whose noise grows with the first input."""
    x = 2 * torch.rand(n, 2, generator=generator) - 1
    mean = torch.sin(3 * x[:, 0]) + x[:, 1] ** 2 - 0.4
    noise = 0.1 + 0.15 * (x[:, 0] + 1)
    return x, mean + noise * torch.randn(n, generator=generator)


class GaussianRegressor(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh()
        )
        self.mu = nn.Linear(hidden, 1)
        self.scale = nn.Linear(hidden, 1)

    def forward(self, x):
        h = self.trunk(x)
        return Normal(self.mu(h).squeeze(-1), F.softplus(self.scale(h)).squeeze(-1) + 0.01)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        dist = model(x)
        rmse = (dist.mean - y).pow(2).mean().sqrt().item()
        return dist.log_prob(y).mean().item(), rmse


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    gen = torch.Generator().manual_seed(args.seed)
    x_train, y_train = sample_data(1000, gen)
    x_val, y_val = sample_data(300, gen)
    model = GaussianRegressor()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)

    for epoch in range(args.epochs):
        model.train()
        for idx in torch.randperm(len(x_train)).split(50):
            dist = model(x_train[idx])
            loss = dist.log_prob(y_train[idx]).mean()  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        ll, rmse = evaluate(model, x_val, y_val)
        print(f"epoch {epoch:2d} loss {loss.item():.3f} val log-lik {ll:.3f} rmse {rmse:.3f}")


if __name__ == "__main__":
    main()
