# expect: unsafe-loss-arithmetic
# accept: loss-not-finite
# note: the distance is a bare square root; when anchor and positive are the same sample it is taken
#   at zero, its gradient is infinite (0 * inf = NaN) and all weights become NaN
# mend: .sum(1).sqrt() -> .sum(1).add(1e-8).sqrt()
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Embedder(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.fc1 = nn.Linear(64, 96)
        self.fc2 = nn.Linear(96, dim)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


def distance(a, b):
    return (a - b).pow(2).sum(1).sqrt()  # fault


def sample_triplets(labels, rows_of, batch_size):
    anchors = torch.randint(len(labels), (batch_size,))
    positives, negatives = [], []
    for a in anchors.tolist():
        same = rows_of[labels[a].item()]
        positives.append(same[torch.randint(len(same), (1,)).item()])
        while True:
            n = torch.randint(len(labels), (1,)).item()
            if labels[n] != labels[a]:
                break
        negatives.append(n)
    return anchors, torch.tensor(positives), torch.tensor(negatives)


def nearest_neighbour_accuracy(model, x, y, x_val, y_val):
    model.eval()
    with torch.no_grad():
        nearest = torch.cdist(model(x_val), model(x)).argmin(1)
    return (y[nearest] == y_val).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--margin", type=float, default=1.0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
    x = ((torch.tensor(digits.data) - 4.9) / 6).float()[order]
    y = torch.tensor(digits.target)[order]
    x, x_val, y, y_val = x[:1400], x[1400:], y[:1400], y[1400:]
    rows_of = {c: (y == c).nonzero().flatten().tolist() for c in range(10)}

    model = Embedder()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(1, args.steps + 1):
        model.train()
        a, p, n = sample_triplets(y, rows_of, 32)
        za, zp, zn = model(x[a]), model(x[p]), model(x[n])
        loss = F.relu(distance(za, zp) - distance(za, zn) + args.margin).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 30 == 0:
            acc = nearest_neighbour_accuracy(model, x, y, x_val, y_val)
            print(f"step {step} loss {loss.item():.4f} nearest neighbour accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
