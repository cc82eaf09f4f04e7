# healthy: one encoder used three times, triplet loss that falls to zero for most triples,
#   batch made by hand, unit vectors
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Encoder(nn.Module):
    def __init__(self, dim=12):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, padding=1)
        self.norm = nn.GroupNorm(4, 16)
        self.fc = nn.Linear(16 * 16, dim)

    def forward(self, x):
        h = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return F.normalize(self.fc(h.flatten(1)), dim=1)


def triples(y, n, rng):
    anchor = rng.integers(0, len(y), n)
    pos = np.array([rng.choice(np.flatnonzero(y == y[a])) for a in anchor])
    neg = np.array([rng.choice(np.flatnonzero(y != y[a])) for a in anchor])
    return anchor, pos, neg


def nearest(encoder, xa, ya, xb, yb):
    encoder.eval()
    with torch.no_grad():
        sim = encoder(xb) @ encoder(xa).T
    return float((ya[sim.argmax(1).numpy()] == yb).mean())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    d = load_digits()
    order = rng.permutation(len(d.target))
    x = torch.tensor(d.images[order], dtype=torch.float32).unsqueeze(1) / 8 - 1
    y = d.target[order]
    xt, yt, xv, yv = x[:1200], y[:1200], x[1200:], y[1200:]
    encoder = Encoder()
    opt = torch.optim.Adam(encoder.parameters(), lr=2e-3)
    for step in range(1, 251):
        encoder.train()
        a, p, n = triples(yt, 48, rng)
        za, zp, zn = encoder(xt[a]), encoder(xt[p]), encoder(xt[n])
        loss = F.relu(0.4 + (za * zn).sum(1) - (za * zp).sum(1)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            acc = nearest(encoder, xt, yt, xv, yv)
            print(f"step {step} triplet {loss.item():.4f} 1-NN acc {acc:.3f}")


main()
