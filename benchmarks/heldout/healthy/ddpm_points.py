# healthy: denoising diffusion on 2-D points: the loss stops well above zero because the noise
# cannot be known, so it looks flat after the first third while samples still improve; EMA weights
# for sampling
import argparse
import copy
import math

import numpy as np
import torch
import torch.nn as nn

T = 40


def s_curve(n, rng):
    t = 1.6 * np.pi * (rng.random(n) - 0.5)
    xy = np.stack([np.sin(t), np.sign(t) * (np.cos(t) - 1)], axis=1)
    xy = xy + 0.1 * rng.standard_normal((n, 2))
    return torch.tensor(xy / np.array([0.8, 0.7]), dtype=torch.float32)


class Denoiser(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.register_buffer("freqs", torch.exp(torch.linspace(0, math.log(10), 8)))
        self.net = nn.Sequential(
            nn.Linear(2 + 16, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2),
        )

    def forward(self, x, t):
        angle = t.float().unsqueeze(1) / T * self.freqs
        return self.net(torch.cat([x, angle.sin(), angle.cos()], dim=1))


def schedule():
    steps = torch.arange(T + 1) / T
    alpha_bar = torch.cos((steps + 0.01) / 1.01 * math.pi / 2) ** 2
    betas = (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=0.99)
    return betas, (1 - betas).cumprod(0)


@torch.no_grad()
def sample(model, betas, alpha_bar, n):
    x = torch.randn(n, 2)
    for t in reversed(range(T)):
        eps = model(x, torch.full((n,), t))
        x = (x - betas[t] / (1 - alpha_bar[t]).sqrt() * eps) / (1 - betas[t]).sqrt()
        if t > 0:
            variance = betas[t] * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t])
            x = x + variance.sqrt() * torch.randn_like(x)
    return x


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    data, held_out = s_curve(4000, rng), s_curve(1000, rng)
    betas, alpha_bar = schedule()
    model = Denoiser()
    ema = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    recent = []
    for step in range(1, args.steps + 1):
        x0 = data[torch.randint(len(data), (256,))]
        t = torch.randint(T, (256,))
        noise = torch.randn_like(x0)
        a = alpha_bar[t].unsqueeze(1)
        pred = model(a.sqrt() * x0 + (1 - a).sqrt() * noise, t)
        loss = (pred - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        for e, p in zip(ema.parameters(), model.parameters()):
            e.lerp_(p.detach(), 0.03)
        recent.append(loss.item())
        if step % 120 == 0:
            points = sample(ema, betas, alpha_bar, 1000)
            off = torch.cdist(points, held_out).amin(1).mean().item()
            print(f"step {step} loss {np.mean(recent[-100:]):.4f} distance of samples {off:.4f}")
    gauss = torch.cdist(torch.randn(1000, 2), held_out).amin(1).mean().item()
    fresh = torch.cdist(s_curve(1000, rng), held_out).amin(1).mean().item()
    print(f"for comparison: noise {gauss:.4f}, fresh data {fresh:.4f}")


if __name__ == "__main__":
    main()
