# healthy: twenty thousand steps of a tiny net on fresh samples of a smooth function, no evaluation at all
import argparse

import torch
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=20000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5 ** (1 / 5000))
    total = 0.0
    for step in range(1, args.steps + 1):
        x = torch.rand(32, 2) * 2 - 1
        y = torch.sin(3 * x[:, :1]) * torch.cos(2 * x[:, 1:])
        loss = (model(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
        if step % 2000 == 0:
            print(f"step {step} loss {total / 2000:.6f}")
            total = 0.0


if __name__ == "__main__":
    main()
