# expect: unsafe-loss-arithmetic
# note: the distance of a pair is a bare square root; where a pair holds the same image twice the
#       distance is 0 and the derivative of sqrt is infinite, which turns all weights into NaN
# mend: .sum(dim=1).sqrt() -> .sum(dim=1).add(1e-8).sqrt()
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Embedder(nn.Module):
    def __init__(self, dim=12):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, dim))

    def forward(self, x):
        return self.layers(x)


def distance(a, b):
    return ((a - b) ** 2).sum(dim=1).sqrt()  # fault


def contrastive(a, b, same, margin=2.0):
    d = distance(a, b)
    pull = same * d**2
    push = (1 - same) * torch.relu(margin - d) ** 2
    return (pull + push).mean()


def draw_pairs(labels, n):
    """Half of the pairs share a class, the others are drawn at random."""
    first = torch.randint(0, len(labels), (n,))
    second = torch.randint(0, len(labels), (n,))
    for i in range(0, n, 2):
        choices = torch.nonzero(labels == labels[first[i]]).flatten()
        second[i] = choices[torch.randint(0, len(choices), (1,))]
    return first, second, (labels[first] == labels[second]).float()


def knn_accuracy(model, bank_x, bank_y, x, y):
    model.eval()
    with torch.no_grad():
        nearest = torch.cdist(model(x), model(bank_x)).argmin(dim=1)
    model.train()
    return (bank_y[nearest] == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1
    y = torch.tensor(digits.target)
    perm = torch.randperm(len(x))
    x_train, y_train = x[perm[:1300]], y[perm[:1300]]
    x_val, y_val = x[perm[1300:]], y[perm[1300:]]

    model = Embedder()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    mean_loss = 0.0
    for step in range(1, args.steps + 1):
        i, j, same = draw_pairs(y_train, 64)
        loss = contrastive(model(x_train[i]), model(x_train[j]), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean_loss += loss.item() / 30
        if step % 30 == 0:
            acc = knn_accuracy(model, x_train, y_train, x_val, y_val)
            print(f"step {step:3d}  loss {mean_loss:.4f}  1-nn accuracy {acc:.3f}")
            mean_loss = 0.0


if __name__ == "__main__":
    main()
