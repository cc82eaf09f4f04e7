# expect: unused-parameters
# note: forward calls the first attention block twice instead of the first and then the second, so
#       block2 is in the optimizer but never takes part; the net still learns
import argparse

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        h = self.norm1(x)
        x = x + self.attn(h, h, h, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class TrajectoryRegressor(nn.Module):
    """Estimates the launch speed and the drag from a few noisy positions."""

    def __init__(self, steps, dim=24):
        super().__init__()
        self.inp = nn.Linear(2, dim)
        self.time = nn.Parameter(0.1 * torch.randn(steps, dim))
        self.block1 = Block(dim, 3)
        self.block2 = Block(dim, 3)  # fault
        self.out = nn.Linear(dim, 2)

    def forward(self, positions):
        h = self.inp(positions) + self.time
        h = self.block1(h)
        h = self.block1(h)  # fault
        return self.out(h.mean(dim=1))


def simulate(n, steps=10, dt=0.12):
    speed = 1.0 + 2.0 * torch.rand(n)
    drag = 0.2 + 1.3 * torch.rand(n)
    angle = 0.5 + 0.6 * torch.rand(n)
    vel = speed[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    pos = torch.zeros(n, 2)
    track = []
    for _ in range(steps):
        vel = vel * (1 - dt * drag[:, None]) - torch.tensor([0.0, 0.6 * dt])
        pos = pos + dt * vel
        track.append(pos + 0.005 * torch.randn(n, 2))
    x = (torch.stack(track, dim=1) - 0.5) / 0.45
    y = torch.stack([(speed - 2.0) / 0.58, (drag - 0.85) / 0.375], dim=1)
    return x, y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=15)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x_train, y_train = simulate(1000)
    x_val, y_val = simulate(250)
    model = TrajectoryRegressor(10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    loss_fn = nn.HuberLoss()
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x_train)).split(40):
            loss = loss_fn(model(x_train[idx]), y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            err = (model(x_val) - y_val).abs().mean(0).tolist()
        print(f"epoch {epoch:2d} loss {total / 1000:.4f} mae speed {err[0]:.3f} drag {err[1]:.3f}")


if __name__ == "__main__":
    main()
