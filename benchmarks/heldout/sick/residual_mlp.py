# expect: random-labels
# accept: ignores-input
# note: rows and targets are permuted by two different draws, so every sample carries the
#   label of another
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


def get_arrays(rng):
    x, y = load_digits(return_X_y=True)
    x = (x / 16.0).astype("float32")
    n = len(x)
    x = x[rng.permutation(n)]  # fault
    y = y[rng.permutation(n)]  # fault
    return x, y


def split(a, frac=0.8):
    k = int(frac * len(a))
    return torch.as_tensor(a[:k]), torch.as_tensor(a[k:])


class Residual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.a = nn.Linear(d, 2 * d)
        self.b = nn.Linear(2 * d, d)

    def forward(self, h):
        return h + self.b(F.silu(self.a(self.norm(h))))


def batches(x, y, size):
    for idx in torch.randperm(len(x)).split(size):
        yield x[idx], y[idx]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    x, y = get_arrays(np.random.default_rng(seed))
    x_train, x_val = split(x)
    y_train, y_val = split(y)
    net = nn.Sequential(nn.Linear(64, 48), Residual(48), Residual(48), nn.Linear(48, 10))
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(8):
        net.train()
        seen = []
        for xb, yb in batches(x_train, y_train, 32):
            loss = F.cross_entropy(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            seen.append(loss.item())
        net.eval()
        with torch.inference_mode():
            logits = net(x_val)
            vl = F.cross_entropy(logits, y_val).item()
            va = (logits.argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch}: loss {np.mean(seen):.3f} | val {vl:.3f} acc {va:.3f}")


main()
