# expect: wrong-final-bias
# accept: hockey-stick-loss, unexpected-initial-loss, unscaled-target
# note: the target (a logarithm of mass) lies at 10.5 +- 0.5 but the output starts at 0; the loss falls
#   from 110 to 0.3 only by learning the mean
import argparse

import numpy as np
import torch
from torch import nn, optim


def catalogue(rng, n):
    """Colours and brightness of galaxies, and the logarithm of their mass."""
    mass = rng.normal(10.5, 0.5, n)
    age = rng.normal(0, 1, n)
    dust = rng.gamma(2, 0.5, n)
    red = 0.8 * (mass - 10.5) / 0.5 + 0.5 * age + 0.4 * dust
    blue = 0.6 * (mass - 10.5) / 0.5 - 0.6 * age - 0.3 * dust
    size = np.abs(0.4 * (mass - 10.5) / 0.5 + 1) ** 1.3
    features = np.stack([red, blue, size, red * blue, dust], axis=1)
    return features + 0.1 * rng.normal(size=features.shape), mass


class MassNet(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_features, 40), nn.LayerNorm(40), nn.Mish(), nn.Linear(40, 40), nn.Mish()
        )
        self.head = nn.Linear(40, 1)  # fault

    def forward(self, x):
        return self.head(self.body(x)).squeeze(-1)


def step(model, optimizer, x, y):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    x, y = catalogue(rng, 2500)
    x = (x - x[:2000].mean(0)) / x[:2000].std(0)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    x_train, y_train, x_val, y_val = x[:2000], y[:2000], x[2000:], y[2000:]
    model = MassNet(x.shape[1])
    optimizer = optim.RAdam(model.parameters(), lr=5e-3)
    for epoch in range(15):
        model.train()
        losses = [step(model, optimizer, x_train[i], y_train[i]) for i in batches(len(x_train))]
        model.eval()
        with torch.no_grad():
            residual = model(x_val) - y_val
        scatter = residual.std().item()
        print(f"epoch {epoch} train {np.mean(losses):.4f} val scatter {scatter:.4f} dex")


def batches(n, size=64):
    return torch.randperm(n).split(size)


if __name__ == "__main__":
    main()
