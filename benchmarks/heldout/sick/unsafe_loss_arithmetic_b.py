# expect: unsafe-loss-arithmetic
# note: the cross entropy is written with bare logarithms of a sigmoid; as soon as one probability
#       rounds to exactly 1 the term 0 * log(0) is NaN and all weights follow
import argparse

import torch
from torch import nn


class FraudNet(nn.Module):
    def __init__(self, n_inputs=12, hidden=48):
        super().__init__()
        self.f1 = nn.Linear(n_inputs, hidden)
        self.f2 = nn.Linear(hidden, hidden)
        self.f3 = nn.Linear(hidden, 1)

    def forward(self, x):
        x = torch.relu(self.f1(x))
        x = torch.relu(self.f2(x))
        return torch.sigmoid(self.f3(x)).squeeze(1)


def binary_cross_entropy(p, y):
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()  # fault


def transactions(n, gen):
    """Two well separated kinds of behaviour with heavy tails."""
    y = torch.randint(0, 2, (n,), generator=gen).float()
    direction = torch.tensor([1.0, -1.0, 0.5, 0.0] * 3)
    scale = 1 + 0.5 * torch.rand(n, 1, generator=gen)
    x = (2 * y[:, None] - 1) * direction + 0.7 * torch.randn(n, 12, generator=gen)
    return scale * x, y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    gen = torch.Generator().manual_seed(args.seed)
    x_train, y_train = transactions(1000, gen)
    x_val, y_val = transactions(250, gen)
    mean, std = x_train.mean(0), x_train.std(0)
    x_train, x_val = (x_train - mean) / std, (x_val - mean) / std

    model = FraudNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(1000).split(40):
            loss = binary_cross_entropy(model(x_train[idx]), y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 25
        model.eval()
        with torch.no_grad():
            acc = ((model(x_val) > 0.5) == (y_val > 0.5)).float().mean().item()
        print(f"epoch {epoch:2d}  loss {total:.6f}  val accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
