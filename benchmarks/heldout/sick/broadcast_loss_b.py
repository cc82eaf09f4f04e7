# expect: broadcast-loss
# note: in the pinball loss written by hand the targets (N) meet predictions (N, 1) and broadcast to
#       an N x N table; without any warning the net learns one constant quantile for all inputs
import argparse

import torch
from torch import nn


def pinball(pred, target, q):
    err = target - pred  # fault
    return torch.maximum(q * err, (q - 1) * err).mean()


def demand(n, gen):
    """Demand depends on hour and temperature, with a spread that does too."""
    hour = torch.rand(n, generator=gen) * 24
    temp = torch.randn(n, generator=gen)
    phase = 2 * torch.pi * hour / 24
    mean = torch.sin(phase) + 0.5 * temp**2 - 0.5
    spread = 0.15 + 0.1 * (1 + torch.cos(phase))
    y = (mean + spread * torch.randn(n, generator=gen)) / 1.05
    x = torch.stack([phase.sin() * 1.41, phase.cos() * 1.41, temp], dim=1)
    return x, y


class QuantileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(3, 32)
        self.l2 = nn.Linear(32, 32)
        self.l3 = nn.Linear(32, 1)

    def forward(self, x):
        x = torch.relu(self.l1(x))
        x = torch.relu(self.l2(x))
        return self.l3(x)


def report(model, x, y, q):
    model.eval()
    with torch.no_grad():
        pred = model(x).flatten()
    inside = (y <= pred).float().mean().item()
    corr = torch.corrcoef(torch.stack([pred, y]))[0, 1].item()
    return inside, corr, pred.std().item(), q


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quantile", type=float, default=0.8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    gen = torch.Generator().manual_seed(50 + args.seed)
    x_train, y_train = demand(1200, gen)
    x_val, y_val = demand(400, gen)
    model = QuantileNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(15):
        model.train()
        total = 0.0
        for idx in torch.randperm(1200).split(48):
            optimizer.zero_grad()
            loss = pinball(model(x_train[idx]), y_train[idx], args.quantile)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx) / 1200
        inside, corr, spread, q = report(model, x_val, y_val, args.quantile)
        print(
            f"epoch {epoch:2d} loss {total:.4f} | below: {inside:.3f} (aim {q}) "
            f"corr {corr:.3f} spread {spread:.3f}"
        )


if __name__ == "__main__":
    main()
