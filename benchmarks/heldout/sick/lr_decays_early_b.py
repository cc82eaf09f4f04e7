# expect: lr-decays-early
# accept: stopped-early, underfitting, tiny-updates, misstepped-scheduler
# note: the cosine ends at step 40 of 500 and the rate stays at zero; the loss stops while it fell
import argparse
import math

import torch
import torch.nn.functional as F
from torch import nn


def polynomials(n, points=16, generator=None):
    """Noisy samples of a cubic; the target is its four coefficients."""
    coefficients = torch.randn(n, 4, generator=generator)
    t = torch.linspace(-1, 1, points)
    basis = torch.stack([torch.ones_like(t), t, 1.5 * t**2 - 0.5, 2.5 * t**3 - 1.5 * t])
    noise = 0.1 * torch.randn(n, points, generator=generator)
    return coefficients @ basis + noise, coefficients


class MixerBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.net = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x):
        return x + self.net(self.norm(x))


def cosine(step, total):
    if step >= total:
        return 0.0
    return 0.5 * (1 + math.cos(math.pi * step / total))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--decay-steps", type=int, default=40)  # fault
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = polynomials(3000)
    x_val, y_val = polynomials(500)
    model = nn.Sequential(nn.Linear(16, 48), MixerBlock(48), MixerBlock(48), nn.Linear(48, 4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(  # fault
        optimizer,
        lambda step: cosine(step, args.decay_steps),  # fault
    )
    for step in range(1, args.steps + 1):
        model.train()
        rows = torch.randint(len(x), (32,))
        loss = F.mse_loss(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 50 == 0:
            model.eval()
            with torch.no_grad():
                val = F.mse_loss(model(x_val), y_val).item()
            print(f"step {step} train {loss.item():.4f} val {val:.4f}")


if __name__ == "__main__":
    main()
