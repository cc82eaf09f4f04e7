# healthy: denoising diffusion on three clouds of points, fresh data every step; the target is
#   random noise, so the loss levels off far above zero
import argparse
import math

import torch
from torch import nn

STEPS = 30
BETA = torch.linspace(0.01, 0.2, STEPS)
ALPHA = 1 - BETA
BAR = torch.cumprod(ALPHA, 0)


CENTRES = torch.tensor([[1.5, 0.0], [-0.75, 1.3], [-0.75, -1.3]])


def blobs(n):
    return CENTRES[torch.randint(3, (n,))] + 0.3 * torch.randn(n, 2)


class Denoiser(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(10, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 2),
        )

    def forward(self, x, t):
        s = (t / STEPS).unsqueeze(1) * math.pi * torch.tensor([1.0, 2.0, 4.0, 8.0])
        return self.net(torch.cat([x, s.sin(), s.cos()], 1))


@torch.no_grad()
def sample(model, n):
    model.eval()
    x = torch.randn(n, 2)
    for t in reversed(range(STEPS)):
        eps = model(x, torch.full((n,), t))
        x = (x - BETA[t] / (1 - BAR[t]).sqrt() * eps) / ALPHA[t].sqrt()
        if t:
            x = x + BETA[t].sqrt() * torch.randn_like(x)
    return x


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    torch.set_num_threads(1)
    model = Denoiser()
    opt = torch.optim.AdamW(model.parameters(), lr=5e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 600)
    total = 0.0
    for step in range(1, 601):
        model.train()
        x0, eps = blobs(256), torch.randn(256, 2)
        t = torch.randint(STEPS, (256,))
        b = BAR[t].unsqueeze(1)
        loss = nn.functional.mse_loss(model(b.sqrt() * x0 + (1 - b).sqrt() * eps, t), eps)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item() / 60
        if step % 60 == 0:
            miss = torch.cdist(sample(model, 300), CENTRES).amin(1).mean().item()
            print(f"step {step} noise mse {total:.3f} distance of samples to a centre {miss:.3f}")
            total = 0.0
