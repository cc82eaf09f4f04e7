# healthy: deep Ritz method: the loss is the energy of a loaded membrane, which is negative at its
# minimum; new random points each step, no data set, no validation but the known solution
import argparse
import math

import torch
from torch import nn


class Membrane(nn.Module):
    """Zero on the edge of the unit square by construction."""

    def __init__(self, width=32):
        super().__init__()
        self.a = nn.Linear(2, width)
        self.b = nn.Linear(width, width)
        self.c = nn.Linear(width, 1)

    def forward(self, p):
        x, y = p[:, :1], p[:, 1:]
        h = torch.tanh(self.a(2 * p - 1))
        h = h + torch.tanh(self.b(h))
        return 16 * x * (1 - x) * y * (1 - y) * self.c(h)


def load(p):
    return 2 * math.pi**2 * exact(p)


def exact(p):
    return torch.sin(math.pi * p[:, :1]) * torch.sin(math.pi * p[:, 1:])


def energy(u, p):
    grad = torch.autograd.grad(u.sum(), p, create_graph=True)[0]
    return (0.5 * grad.square().sum(1, keepdim=True) - load(p) * u).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=500)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    model = Membrane()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps, eta_min=1e-4)
    side = torch.linspace(0, 1, 31)
    grid = torch.cartesian_prod(side, side)
    for step in range(1, args.steps + 1):
        # stratified points: one in every cell of a 24 x 24 grid
        cells = torch.cartesian_prod(torch.arange(24.0), torch.arange(24.0))
        points = ((cells + torch.rand_like(cells)) / 24).requires_grad_(True)
        loss = energy(model(points), points)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 100 == 0:
            with torch.no_grad():
                error = (model(grid) - exact(grid)).norm() / exact(grid).norm()
            print(f"step {step} energy {loss.item():+.4f} (exact {-math.pi**2 / 4:+.4f}) "
                  f"relative error {error.item():.4f}")


if __name__ == "__main__":
    main()
