# healthy: Cox proportional hazards; the loss sorts the batch and compares every patient with those
# still at risk, censored rows add no term of their own, the single output has no bias and no
# activation
import argparse

import numpy as np
import torch
from torch import nn


def simulate(rng, n, dim=10):
    x = rng.normal(size=(n, dim))
    risk = 1.2 * x[:, 0] + np.abs(x[:, 1]) * 1.3 - x[:, 2] * x[:, 3]
    time = rng.exponential(np.exp(-risk) * 10)
    censor = rng.exponential(12, n)
    event = time <= censor
    return (
        torch.tensor(x, dtype=torch.float32),
        torch.tensor(np.minimum(time, censor), dtype=torch.float32),
        torch.tensor(event, dtype=torch.float32),
    )


def partial_likelihood(score, time, event):
    order = time.argsort(descending=True)
    score, event = score[order], event[order]
    at_risk = torch.logcumsumexp(score, 0)
    return -((score - at_risk) * event).sum() / event.sum().clamp_min(1)


def concordance(score, time, event):
    comparable = (time[:, None] < time[None]) & (event[:, None] > 0)
    right = score[:, None] > score[None]
    return (right & comparable).sum().item() / comparable.sum().item()


class RiskNet(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim, 48, bias=False),
            nn.BatchNorm1d(48),
            nn.ReLU(),
            nn.Linear(48, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(32, 1, bias=False),
        )

    def forward(self, x):
        return self.layers(x).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=150)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    x, t, e = simulate(rng, 3000)
    xv, tv, ev = simulate(rng, 900)
    mean, std = x.mean(0), x.std(0)
    x, xv = (x - mean) / std, (xv - mean) / std
    net = RiskNet(x.shape[1])
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01)
    epochs = 15
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs * 20, eta_min=1e-4)
    for epoch in range(epochs):
        net.train()
        losses = []
        for idx in torch.randperm(len(x)).split(args.batch):
            loss = partial_likelihood(net(x[idx]), t[idx], e[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            score = net(xv)
            parts = zip(*(a.split(args.batch) for a in (score, tv, ev)), strict=True)
            v = np.mean([partial_likelihood(*part).item() for part in parts])
            c = concordance(score, tv, ev)
        print(f"epoch {epoch:2d} train {np.mean(losses):.3f} val {v:.3f} concordance {c:.3f}")
    print(f"share of events {e.mean():.2f}")


if __name__ == "__main__":
    main()
