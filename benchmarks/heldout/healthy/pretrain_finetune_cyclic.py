# healthy: pretrain on digits 0-4, new head, gradual unfreezing with per-group and cyclic
#   rates stepped per batch
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.lr_scheduler import CyclicLR


def encoder():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.GroupNorm(3, 12),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
    )


def epoch_of(model, x, y, opt, sched=None):
    model.train()
    tot = 0.0
    for idx in torch.randperm(len(x)).split(32):
        loss = F.cross_entropy(model(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if sched:
            sched.step()
        tot += loss.item() * len(idx)
    return tot / len(x)


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    return (model(x).argmax(1) == y).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    torch.set_num_threads(1)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    y = torch.tensor(d.target)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    low = y < 5
    xa, ya, xb, yb = x[low], y[low], x[~low], y[~low] - 5
    body = encoder()
    first = nn.Sequential(body, nn.Linear(96, 5))
    opt = torch.optim.SGD(first.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(4):
        loss = epoch_of(first, xa[:700], ya[:700], opt)
        print(f"source {epoch} loss {loss:.3f} acc {accuracy(first, xa[700:], ya[700:]):.3f}")
    second = nn.Sequential(body, nn.Linear(96, 5))
    body.requires_grad_(False)
    opt = torch.optim.SGD(
        [{"params": second[1].parameters()}, {"params": body.parameters()}], lr=0.01, momentum=0.9
    )
    sched = CyclicLR(opt, base_lr=[2e-3, 2e-4], max_lr=[0.03, 0.01], step_size_up=28)
    for epoch in range(12):
        if epoch == 3:
            body.requires_grad_(True)
        loss = epoch_of(second, xb[:448], yb[:448], opt, sched)
        print(f"target {epoch} loss {loss:.3f} acc {accuracy(second, xb[448:], yb[448:]):.3f}")


main()
