# expect: unsafe-loss-arithmetic
# accept: loss-not-finite
# note: hand-written cross entropy takes log of sigmoid outputs; once a probability is exactly 0 or 1 the loss is NaN
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn


def binary_cross_entropy(p, t):
    return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()  # fault


class Logistic(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.hidden = nn.Linear(d, 64)
        self.out = nn.Linear(64, 1)

    def forward(self, x):
        h = torch.relu(self.hidden(x))
        return torch.sigmoid(self.out(h))[:, 0]


def standardise(x, ref):
    return (x - ref.mean(0)) / ref.std(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    raw = load_breast_cancer()
    x = torch.tensor(raw.data, dtype=torch.float32)
    y = torch.tensor(raw.target, dtype=torch.float32)
    perm = torch.randperm(len(x))
    train_idx, val_idx = perm[:420], perm[420:]
    x = standardise(x, x[train_idx])

    model = Logistic(30)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(args.epochs):
        order = train_idx[torch.randperm(420)]
        losses = []
        for batch in order.chunk(14):
            p = model(x[batch])
            loss = binary_cross_entropy(p, y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            p = model(x[val_idx])
            acc = ((p > 0.5).float() == y[val_idx]).float().mean()
        print(f"epoch {epoch + 1:2d} loss {sum(losses) / len(losses):.5f} val accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
