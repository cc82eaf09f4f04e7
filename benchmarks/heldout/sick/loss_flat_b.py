# expect: random-labels
# accept: loss-flat, label-errors, overfitting, below-baseline
# note: inputs and targets are shuffled by two different permutations, so the pairs are random; the
#   loss stays flat at the variance of the target
import argparse

import numpy as np
import torch
from torch import nn


def housing(rng, n):
    """Price of a flat from size, age, distance to the centre, floor and a view."""
    size = rng.normal(0, 1, n)
    age, distance, floor = rng.normal(0, 1, (3, n))
    view = rng.integers(0, 2, n)
    price = 1.2 * size - 0.4 * age - 0.7 * np.tanh(distance) + 0.3 * view * floor
    price = price + 0.2 * size * view + rng.normal(0, 0.2, n)
    return np.stack([size, age, distance, floor, view - 0.5], axis=1), price


class Regressor(nn.Module):
    def __init__(self, n_inputs, width):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(n_inputs, width),
            nn.Softplus(),
            nn.Linear(width, width),
            nn.Softplus(),
            nn.Linear(width, 1),
        )

    def forward(self, x):
        return self.net(x)[:, 0]


def prepare(seed, n_train=1600, n_val=400):
    rng = np.random.default_rng(seed)
    x, y = housing(rng, n_train + n_val)
    y = (y - y[:n_train].mean()) / y[:n_train].std()
    x = x[rng.permutation(len(x))]  # fault
    y = y[rng.permutation(len(y))]  # fault
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    return x[:n_train], y[:n_train], x[n_train:], y[n_train:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x_train, y_train, x_val, y_val = prepare(args.seed)
    model = Regressor(x_train.shape[1], 32)
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)
    mse = nn.MSELoss()
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for rows in torch.randperm(len(x_train)).split(50):
            optimizer.zero_grad()
            loss = mse(model(x_train[rows]), y_train[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            val = mse(model(x_val), y_val).item()
        print(f"epoch {epoch + 1:2d}: train mse {np.mean(losses):.4f}, val mse {val:.4f}")


if __name__ == "__main__":
    main()
