# expect: label-out-of-range
# accept: negated-loss, mismatched-loss, loss-diverges
# note: labels -1 and +1 in a loss for 0 and 1: it has no lower bound and runs off to minus infinity
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn


def load(generator):
    data = load_breast_cancer()
    x = torch.tensor(scale(data.data), dtype=torch.float32)
    y = torch.where(torch.tensor(data.target) == 1, 1.0, -1.0)  # fault
    order = torch.randperm(len(x), generator=generator)
    return x[order], y[order]


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x))))


class Model(nn.Module):
    def __init__(self, n_in=30, width=24):
        super().__init__()
        self.embed = nn.Linear(n_in, width)
        self.blocks = nn.Sequential(Residual(width), Residual(width))
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        return self.head(self.blocks(self.embed(x))).flatten()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    x, y = load(generator)
    x_train, y_train, x_val, y_val = x[:420], y[:420], x[420:], y[420:]

    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(10):
        model.train()
        losses = []
        for batch in torch.randperm(420, generator=generator).split(21):
            optimizer.zero_grad()
            logits = model(x_train[batch])
            loss = F.binary_cross_entropy_with_logits(logits, y_train[batch])  # fault
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        val_loss = F.binary_cross_entropy_with_logits(logits, y_val)
        acc = ((logits > 0) == (y_val > 0)).float().mean()
        train_loss = sum(losses) / len(losses)
        print(f"epoch {epoch}: train {train_loss:.4f}, val {val_loss:.4f}, acc {acc:.3f}")


if __name__ == "__main__":
    main()
