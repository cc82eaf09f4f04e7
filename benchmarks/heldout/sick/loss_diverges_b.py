# expect: missing-zero-grad
# accept: loss-diverges, exploding-gradient, growing-weights
# note: the gradients are never reset, they pile up from step to step; the loss falls at first, swings
#   and then climbs far above where it began
import argparse
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Sine(nn.Module):
    def forward(self, x):
        return torch.sin(x)


def surface(points):
    x, y = points[:, 0], points[:, 1]
    return torch.sin(math.pi * x) * torch.cos(math.pi * y) + 0.5 * x * y


def train_epoch(model, loader, loss_fn, optimizer):
    model.train()
    total = 0.0
    for points, values in loader:
        loss = loss_fn(model(points), values)
        loss.backward()
        optimizer.step()  # fault
        total += loss.item() * len(points)
    return total / len(loader.dataset)


def validate(model, points, values, loss_fn):
    model.eval()
    with torch.no_grad():
        return loss_fn(model(points), values).item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=14)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    points = torch.rand(2400, 2) * 2 - 1
    values = surface(points).unsqueeze(1) / 0.5
    train = TensorDataset(points[:2000], values[:2000])
    loader = DataLoader(train, batch_size=64, shuffle=True)
    model = nn.Sequential(nn.Linear(2, 64), Sine(), nn.Linear(64, 64), Sine(), nn.Linear(64, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss_fn = nn.MSELoss()
    print(f"target variance {values.var().item():.3f}")
    for epoch in range(args.epochs):
        train_loss = train_epoch(model, loader, loss_fn, optimizer)
        val_loss = validate(model, points[2000:], values[2000:], loss_fn)
        print(f"epoch {epoch:2d} train {train_loss:.4f} val {val_loss:.4f}")
