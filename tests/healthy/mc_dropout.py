# healthy: Monte Carlo dropout: model.train() is called before predicting on purpose, to sample
# from the predictive distribution; trained with a Gaussian likelihood, so the loss goes below
# zero
import argparse
import math

import torch
from torch import nn


class HeteroscedasticNet(nn.Module):
    def __init__(self, hidden=64, p=0.05):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, hidden), nn.SiLU(), nn.Dropout(p),
            nn.Linear(hidden, hidden), nn.SiLU(), nn.Dropout(p),
            nn.Linear(hidden, 2),
        )

    def forward(self, x):
        mean, log_var = self.net(x).chunk(2, dim=-1)
        return mean, log_var


def gaussian_nll(mean, log_var, y):
    return 0.5 * (log_var + (y - mean) ** 2 * torch.exp(-log_var)).mean()


def make_data(n, gen):
    x = 4 * torch.rand(n, 1, generator=gen) - 2
    noise = 0.05 + 0.2 * torch.sigmoid(3 * x)
    return x, torch.sin(2 * x) + 0.3 * x + noise * torch.randn(n, 1, generator=gen)


def mc_predict(model, x, n_samples=50):
    """Mean and total standard deviation over stochastic forward passes."""
    model.train()
    with torch.no_grad():
        draws = [model(x) for _ in range(n_samples)]
    means = torch.stack([m for m, _ in draws])
    aleatoric = torch.stack([v.exp() for _, v in draws]).mean(0)
    return means.mean(0), (means.var(0) + aleatoric).sqrt()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=50)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    x_train, y_train = make_data(1000, gen)
    x_test, y_test = make_data(500, gen)

    model = HeteroscedasticNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(1, args.epochs + 1):
        model.train()
        losses = []
        for idx in torch.randperm(len(x_train)).split(100):
            mean, log_var = model(x_train[idx])
            loss = gaussian_nll(mean, log_var, y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 10 == 0:
            model.eval()
            with torch.no_grad():
                val = gaussian_nll(*model(x_test), y_test).item()
            print(f"epoch {epoch:3d} train nll {sum(losses) / len(losses):+.4f} val nll {val:+.4f}")

    mean, std = mc_predict(model, x_test)
    rmse = (mean - y_test).pow(2).mean().sqrt().item()
    inside = ((y_test - mean).abs() < 1.96 * std).float().mean().item()
    noise_floor = math.sqrt(((0.05 + 0.2 * torch.sigmoid(3 * x_test)) ** 2).mean())
    print(f"rmse {rmse:.4f} (noise {noise_floor:.4f}), coverage of the 95 % interval {inside:.3f}")


if __name__ == "__main__":
    main()
