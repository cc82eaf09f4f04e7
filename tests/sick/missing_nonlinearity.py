# expect: missing-nonlinearity
# note: three linear layers follow one another with only dropout between, so the net is one linear
#       map; on the spirals it stays near 50 % where a net with activations passes 95 %
# mend: self.drop(self.fc1(x)) -> self.drop(F.relu(self.fc1(x)))
# mend: self.drop(self.fc2(x)) -> self.drop(F.relu(self.fc2(x)))
import argparse
import math

import torch
import torch.nn.functional as F
from torch import nn


class SpiralNet(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.fc1 = nn.Linear(2, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 3)
        self.drop = nn.Dropout(0.05)

    def forward(self, x):
        x = self.drop(self.fc1(x))
        x = self.drop(self.fc2(x))  # fault
        return self.out(x)  # fault


def spirals(n_per_class, generator):
    xs, ys = [], []
    for k in range(3):
        t = torch.rand(n_per_class, generator=generator)
        angle = 2 * math.pi * k / 3 + 4.0 * t + 0.12 * torch.randn(n_per_class, generator=generator)
        radius = 0.2 + 1.8 * t
        xs.append(torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1))
        ys.append(torch.full((n_per_class,), k))
    return torch.cat(xs), torch.cat(ys)


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(dim=1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    g = torch.Generator().manual_seed(args.seed)
    x_train, y_train = spirals(300, g)
    x_val, y_val = spirals(100, g)

    model = SpiralNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x_train)).split(64):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        acc = accuracy(model, x_val, y_val)
        print(f"epoch {epoch:2d}  loss {total / len(x_train):.4f}  val acc {acc:.3f}")


if __name__ == "__main__":
    main()
