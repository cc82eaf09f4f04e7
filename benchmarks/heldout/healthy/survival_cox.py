# healthy: Cox partial likelihood; the loss compares rows of the batch on purpose, the output
#   has no scale, the loss stays high
import argparse

import numpy as np
import torch
from torch import nn


def cohort(n, rng):
    x = rng.normal(size=(n, 6)).astype("float32")
    risk = 1.2 * x[:, 0] - 0.9 * x[:, 1] ** 2 + 0.8 * x[:, 2] * x[:, 3]
    t = rng.exponential(np.exp(-risk))
    c = rng.exponential(2.0, n)
    time, event = np.minimum(t, c), (t <= c).astype("float32")
    return [torch.tensor(a.astype("float32")) for a in (x, time, event)]


def cox_loss(score, time, event):
    order = time.argsort(descending=True)
    s, e = score[order], event[order]
    return -((s - torch.logcumsumexp(s, 0)) * e).sum() / e.sum().clamp(min=1)


def concordance(score, time, event):
    first = (time[:, None] < time[None]) & (event[:, None] > 0)
    return (score[:, None] > score[None])[first].float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    x, t, e = cohort(1500, rng)
    xv, tv, ev = cohort(500, rng)
    net = nn.Sequential(
        nn.Linear(6, 32), nn.SELU(), nn.Linear(32, 16), nn.SELU(), nn.Linear(16, 1, bias=False)
    )
    opt = torch.optim.RMSprop(net.parameters(), lr=2e-3, weight_decay=1e-4)
    for epoch in range(12):
        net.train()
        losses = []
        for idx in torch.randperm(len(x)).split(100):
            loss = cox_loss(net(x[idx]).squeeze(1), t[idx], e[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            c = concordance(net(xv).squeeze(1), tv, ev)
        print(f"epoch {epoch} partial nll {np.mean(losses):.3f} val concordance {c:.3f}")


main()
