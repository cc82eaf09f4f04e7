# expect: symmetric-init
# accept: zero-gradient, ignores-input, collapsed-prediction
# note: both weight matrices of the hand-written layers start at zero, no gradient reaches either
import argparse
import math

import torch
from torch import nn


class Affine(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_in, n_out))  # fault
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return torch.addmm(self.bias, x, self.weight)


class Regressor(nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        self.first = Affine(n_in, hidden)
        self.second = Affine(hidden, 1)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


def robot_arm(n, generator):
    """Height of the tip of a planar arm with two joints."""
    angle = (2 * torch.rand(n, 2, generator=generator) - 1) * math.pi / 2
    lengths = 0.5 + torch.rand(n, 2, generator=generator)
    height = lengths[:, 0] * angle[:, 0].sin() + lengths[:, 1] * angle.sum(1).sin()
    height = height + 0.05 * torch.randn(n, generator=generator)
    x = torch.cat([angle / 0.9, (lengths - 1) / 0.29], dim=1)
    return x, (height / height.std()).unsqueeze(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hidden", type=int, default=40)
    args = parser.parse_args()
    generator = torch.Generator().manual_seed(args.seed)
    torch.manual_seed(args.seed)
    x, y = robot_arm(1500, generator)
    x_val, y_val = robot_arm(300, generator)
    model = Regressor(4, args.hidden)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-3)
    for epoch in range(12):
        losses = []
        for rows in torch.randperm(1500, generator=generator).split(50):
            loss = nn.functional.mse_loss(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            val = nn.functional.mse_loss(model(x_val), y_val).item()
        r2 = 1 - val / y_val.var().item()
        print(f"epoch {epoch:2d} train {sum(losses) / 30:.4f} val {val:.4f} r2 {r2:.4f}")


if __name__ == "__main__":
    main()
