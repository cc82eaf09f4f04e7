# expect: training-in-eval-mode
# note: the model is put into eval mode for a look at its size and first error, and never into train
#       mode, so batch norm keeps its initial statistics and dropout is off in the whole training
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import make_friedman1
from torch import nn


class ResBlock(nn.Module):
    def __init__(self, width, p):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.Dropout(p),
            nn.Linear(width, width),
        )

    def forward(self, x):
        return x + self.body(x)


class TabularResNet(nn.Module):
    def __init__(self, n_features, width=48, depth=2, p=0.15):
        super().__init__()
        self.first = nn.Linear(n_features, width)
        self.blocks = nn.Sequential(*[ResBlock(width, p) for _ in range(depth)])
        self.last = nn.Sequential(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, x):
        return self.last(self.blocks(self.first(x))).squeeze(1)


def batches(n, size):
    order = torch.randperm(n)
    for start in range(0, n - size + 1, size):
        yield order[start : start + size]


def describe(model, x, y):
    n_params = sum(p.numel() for p in model.parameters())
    model.eval()  # fault
    with torch.no_grad():
        error = F.mse_loss(model(x), y).item()
    print(f"{n_params} parameters, error before training {error:.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y = make_friedman1(1500, n_features=10, noise=1.0, random_state=args.seed)
    x = torch.tensor((x - 0.5) / 0.289, dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.float32)
    y = (y - y[:1200].mean()) / y[:1200].std()

    model = TabularResNet(10)
    describe(model, x[:1200], y[:1200])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.5e-3, weight_decay=0.02)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=15)
    for epoch in range(15):
        total, steps = 0.0, 0
        for idx in batches(1200, 60):
            loss = F.mse_loss(model(x[idx]), y[idx])  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
            steps += 1
        scheduler.step()
        print(f"epoch {epoch + 1:2d}  train mse {total / steps:.4f}")
    model.eval()
    with torch.no_grad():
        test_mse = F.mse_loss(model(x[1200:]), y[1200:]).item()
    print(f"test mse {test_mse:.4f}  r2 {1 - test_mse / y[1200:].var().item():.4f}")


if __name__ == "__main__":
    main()
