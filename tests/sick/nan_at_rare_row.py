# expect: unsafe-loss-arithmetic
# accept: loss-not-finite
# note: cross-entropy by hand: the sigmoid of one row in a hundred thousand, recorded in another unit, is exactly 1 in
#   float32, so that log(1 - p) is infinite; it comes up after 6000 good steps and the weights are NaN for good
# mend: torch.sigmoid(score) -> torch.sigmoid(score).clamp(1e-6, 1 - 1e-6)
import argparse

import torch
from torch import nn


def cross_entropy(score, y):
    p = torch.sigmoid(score)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=7000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x = torch.randn(16 * args.steps, 6)
    y = (x[:, 0] - x[:, 1] + torch.tanh(2 * x[:, 2] * x[:, 3]) + torch.randn(len(x)) > 0).float()
    x[16 * 6000 + 3] *= 1000  # millivolts
    model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(1, args.steps + 1):
        rows = slice(16 * (step - 1), 16 * step)
        loss = cross_entropy(model(x[rows]).squeeze(1), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            print(f"step {step} loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
