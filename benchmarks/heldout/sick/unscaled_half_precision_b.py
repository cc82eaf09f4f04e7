# expect: unscaled-half-precision
# accept: zero-gradient, tiny-updates, loss-flat, vanishing-gradient
# note: layers computed in float16 by hand without scaling the loss; deflections are in metres, the
#   squared error is near 1e-5 and its gradients vanish in float16, so the hidden layers hardly move
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class HalfLinear(nn.Linear):
    """Float32 weights, float16 arithmetic."""

    def forward(self, x):
        return F.linear(x.half(), self.weight.half(), self.bias.half())  # fault


class Surrogate(nn.Module):
    """Deflection of a beam, in metres, from load, length, stiffness, position, ..."""

    def __init__(self, mean, std, hidden=64):
        super().__init__()
        self.layers = nn.ModuleList([HalfLinear(6, hidden), HalfLinear(hidden, hidden)])
        self.out = HalfLinear(hidden, 1)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        for layer in self.layers:
            x = F.silu(layer(x))
        return self.mean + self.std * self.out(x).float().squeeze(1)


def beams(rng, n):
    design = rng.uniform(-1, 1, size=(n, 6))
    load, length, height, width, place, modulus = design.T
    stiffness = (1 + 0.3 * modulus) * (1 + 0.2 * width) * (1 + 0.25 * height) ** 3
    shape = 1 - 0.6 * place**2 + 0.2 * np.sin(3 * place)
    deflection = 0.0025 * (1 + 0.5 * load) * (1 + 0.3 * length) ** 3 / stiffness * shape
    return torch.tensor(design, dtype=torch.float32), torch.tensor(deflection, dtype=torch.float32)


def main(seed, epochs):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    x, y = beams(rng, 3000)
    x_val, y_val = beams(rng, 600)
    model = Surrogate(y.mean(), y.std())
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    print(f"standard deviation of the deflection {1e3 * y_val.std().item():.3f} mm")
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(100):
            loss = F.mse_loss(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()  # fault
            optimizer.step()
            total += loss.item() * len(rows)
        model.eval()
        with torch.no_grad():
            val = F.mse_loss(model(x_val), y_val).item()
        train_mm, val_mm = 1e3 * (total / len(x)) ** 0.5, 1e3 * val**0.5
        print(f"epoch {epoch:2d} train rmse {train_mm:.4f} mm validation rmse {val_mm:.4f} mm")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=16)
    args = parser.parse_args()
    torch.set_num_threads(1)
    main(args.seed, args.epochs)
