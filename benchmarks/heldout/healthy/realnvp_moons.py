# healthy: normalising flow: the last layer of every coupling net starts at zero so that the flow
# starts as the identity, and half of each vector passes unchanged through each layer
import argparse
import math

import torch
from sklearn.datasets import make_moons
from torch import nn


class Coupling(nn.Module):
    def __init__(self, keep, hidden=48):
        super().__init__()
        self.keep = keep
        self.net = nn.Sequential(
            nn.Linear(1, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, 2),
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        a, b = x[:, self.keep : self.keep + 1], x[:, 1 - self.keep : 2 - self.keep]
        s, t = self.net(a).chunk(2, dim=1)
        s = 2 * torch.tanh(s / 2)
        b = (b + t) * s.exp()
        return torch.cat([a, b] if self.keep == 0 else [b, a], dim=1), s.squeeze(1)


class RealNVP(nn.Module):
    def __init__(self, n_layers=6):
        super().__init__()
        self.layers = nn.ModuleList(Coupling(i % 2) for i in range(n_layers))

    def log_prob(self, x):
        log_det = torch.zeros(len(x))
        for layer in self.layers:
            x, s = layer(x)
            log_det = log_det + s
        return log_det - 0.5 * x.square().sum(1) - math.log(2 * math.pi)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=400)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

data, _ = make_moons(4000, noise=0.07, random_state=args.seed)
data = torch.tensor(data, dtype=torch.float32)
data = (data - data[:3400].mean(0)) / data[:3400].std(0)
train, held_out = data[:3400], data[3400:]

flow = RealNVP()
optimizer = torch.optim.AdamW(flow.parameters(), lr=5e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
recent = []
for step in range(1, args.steps + 1):
    batch = train[torch.randint(len(train), (128,))]
    loss = -flow.log_prob(batch).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    optimizer.step()
    scheduler.step()
    recent.append(loss.item())
    if step % 80 == 0:
        with torch.no_grad():
            nll = -flow.log_prob(held_out).mean().item()
        print(f"step {step} train nll {sum(recent[-40:]) / 40:.4f} held-out nll {nll:.4f}")

baseline = torch.distributions.MultivariateNormal(train.mean(0), train.t().cov())
print(f"a single Gaussian: {-baseline.log_prob(held_out).mean().item():.4f}")
