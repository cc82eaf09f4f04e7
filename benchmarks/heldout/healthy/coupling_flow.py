# healthy: affine coupling flow on tabular data; the negative log-likelihood falls below zero, half
# of the features pass through each layer unchanged, and the nets end in weights that are all zero
import argparse
import math

import torch
from torch import nn


class Coupling(nn.Module):
    def __init__(self, dim, hidden, flip):
        super().__init__()
        mask = (torch.arange(dim) % 2).float()
        self.register_buffer("mask", 1 - mask if flip else mask)
        self.net = nn.Sequential(
            nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 2 * dim),
        )  # fmt: skip
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        s, t = self.net(x * self.mask).chunk(2, 1)
        s, t = torch.tanh(s) * (1 - self.mask), t * (1 - self.mask)
        return x * s.exp() + t, s.sum(1)


class Flow(nn.Module):
    def __init__(self, dim, depth=6, hidden=48):
        super().__init__()
        self.layers = nn.ModuleList(Coupling(dim, hidden, i % 2) for i in range(depth))
        self.log_scale = nn.Parameter(torch.zeros(dim))

    def log_prob(self, x):
        logdet = 0.0
        for layer in self.layers:
            x, ld = layer(x)
            logdet = logdet + ld
        x = x * self.log_scale.exp()
        logdet = logdet + self.log_scale.sum()
        return logdet - 0.5 * (x**2 + math.log(2 * math.pi)).sum(1)


def tangled(n):
    """Six features on a curved two-dimensional sheet, plus a little noise."""
    u = torch.randn(n, 2)
    a, b = u[:, 0], u[:, 1]
    x = torch.stack([a, b, a * b, a.sin(), (b**2 - 1) / 2, (a - b).tanh()], 1)
    return x + 0.1 * torch.randn(n, 6)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train, val = tangled(3000), tangled(1000)
    mean, std = train.mean(0), train.std(0)
    train, val = (train - mean) / std, (val - mean) / std
    gauss = torch.distributions.MultivariateNormal(torch.zeros(6), torch.cov(train.T))
    print(f"full-covariance Gaussian: val nll {-gauss.log_prob(val).mean():.3f}")
    flow = Flow(6)
    opt = torch.optim.AdamW(flow.parameters(), lr=3e-3, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 14, eta_min=1e-4)
    for epoch in range(14):
        flow.train()
        total = 0.0
        for idx in torch.randperm(len(train)).split(100):
            loss = -flow.log_prob(train[idx]).mean()
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        flow.eval()
        with torch.no_grad():
            v = -flow.log_prob(val).mean()
        print(f"epoch {epoch} train nll {total / len(train):.3f} val nll {v:.3f}")


if __name__ == "__main__":
    main()
