# expect: unsafe-loss-arithmetic
# accept: loss-not-finite
# note: the root of a zero distance (a sample drawn with itself) has an infinite slope: NaN
#   after some steps
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Embedder(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(12 * 16, 48),
            nn.LeakyReLU(0.1),
            nn.Linear(48, dim),
        )

    def forward(self, img):
        return self.body(img)


def euclid(a, b):
    return (a - b).pow(2).sum(dim=1).sqrt()  # fault


def contrastive(d, same, margin=1.5):
    pull = same * d.pow(2)
    push = (1 - same) * torch.relu(margin - d).pow(2)
    return (pull + push).mean()


def draw_pairs(y, n):
    i = torch.randint(len(y), (n,))
    j = torch.randint(len(y), (n,))  # fault
    half = n // 2
    for k in range(half):
        mates = torch.nonzero(y == y[i[k]]).flatten()
        j[k] = mates[torch.randint(len(mates), (1,))]  # fault
    return i, j, (y[i] == y[j]).float()


def knn_accuracy(model, xa, ya, xb, yb):
    model.eval()
    with torch.no_grad():
        d = torch.cdist(model(xb), model(xa))
    return (ya[d.argmin(1)] == yb).float().mean().item()


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    torch.manual_seed(cli.parse_args().seed)
    torch.set_num_threads(1)
    images, y = load_digits(return_X_y=True)
    x = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 8 - 1
    y = torch.tensor(y)
    order = torch.randperm(len(x))
    tr, va = order[:1300], order[1300:]
    model = Embedder()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(1, 301):
        model.train()
        i, j, same = draw_pairs(y[tr], 32)
        left, right = model(x[tr][i]), model(x[tr][j])
        loss = contrastive(euclid(left, right), same)  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            acc = knn_accuracy(model, x[tr], y[tr], x[va], y[va])
            print(f"step {step} loss {loss.item():.4f} 1-NN acc {acc:.3f}")


main()
