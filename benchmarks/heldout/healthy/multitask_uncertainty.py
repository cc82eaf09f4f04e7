# healthy: three tasks share a trunk, losses weighed by learned log variances, so the total
#   turns negative
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU())
        self.digit = nn.Linear(48, 10)
        self.parity = nn.Linear(48, 1)
        self.centre = nn.Linear(48, 2)
        self.log_var = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        h = self.trunk(x)
        return self.digit(h), self.parity(h).squeeze(1), self.centre(h)

    def total(self, outs, y, com):
        parts = torch.stack(
            [
                F.cross_entropy(outs[0], y),
                F.binary_cross_entropy_with_logits(outs[1], (y % 2).float()),
                F.mse_loss(outs[2], com),
            ]
        )
        return (torch.exp(-self.log_var) * parts + 0.5 * self.log_var).sum(), parts.detach()


def data():
    d = load_digits()
    img = torch.tensor(d.images, dtype=torch.float32)
    grid = torch.arange(8.0) - 3.5
    mass = img.sum((1, 2))
    com = torch.stack([(img.sum(2) @ grid) / mass, (img.sum(1) @ grid) / mass], 1)
    com = (com - com.mean(0)) / com.std(0)
    return img.flatten(1) / 8 - 1, torch.tensor(d.target), com


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    torch.set_num_threads(1)
    x, y, com = data()
    order = torch.randperm(len(x))
    tr, va = order[:1400], order[1400:]
    model = MultiTask()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(14):
        model.train()
        sums = torch.zeros(4)
        for idx in tr[torch.randperm(len(tr))].split(56):
            loss, parts = model.total(model(x[idx]), y[idx], com[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sums += torch.cat([loss.detach()[None], parts]) / 25
        model.eval()
        with torch.no_grad():
            a, b, c = model(x[va])
        acc = (a.argmax(1) == y[va]).float().mean().item()
        par = ((b > 0) == (y[va] % 2 > 0)).float().mean().item()
        mse = F.mse_loss(c, com[va]).item()
        print(f"{epoch} total {sums[0]:+.3f} digit {acc:.3f} parity {par:.3f} centre mse {mse:.3f}")


main()
