# healthy: Wasserstein GAN with gradient penalty: the critic's loss is negative and unbounded, it
# takes four steps per generator step, and the penalty needs second derivatives
import argparse

import numpy as np
import torch
from torch import autograd, nn, optim

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--iterations", type=int, default=300)
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

LAMBDA, CRITIC_ITERS, BATCH, NOISE = 0.2, 4, 128, 4


def mlp(n_in, n_out, bias=True, width=48):
    return nn.Sequential(
        nn.Linear(n_in, width), nn.SiLU(),
        nn.Linear(width, width), nn.SiLU(),
        nn.Linear(width, n_out, bias=bias),
    )


def crescent(n):
    """Points along a bent line, thicker at one end."""
    u = np.random.randn(n)
    v = 0.7 * (u**2 - 1) + (0.2 + 0.1 * np.tanh(u)) * np.random.randn(n)
    return torch.tensor(np.stack([u, v], axis=1), dtype=torch.float32)


def calc_gradient_penalty(netD, real, fake):
    alpha = torch.rand(BATCH, 1)
    interpolates = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    gradients = autograd.grad(netD(interpolates).sum(), interpolates, create_graph=True)[0]
    return LAMBDA * ((gradients.norm(2, dim=1) - 1) ** 2).mean()


@torch.no_grad()
def sliced_distance(netG, n=4000):
    directions = torch.nn.functional.normalize(torch.randn(2, 50), dim=0)
    real = (crescent(n) @ directions).sort(dim=0).values
    fake = (netG(torch.randn(n, NOISE)) @ directions).sort(dim=0).values
    return (real - fake).abs().mean().item()


netG, netD = mlp(NOISE, 2), mlp(2, 1, bias=False)
optimizerD = optim.Adam(netD.parameters(), lr=2e-3, betas=(0.5, 0.9))
optimizerG = optim.Adam(netG.parameters(), lr=2e-3, betas=(0.5, 0.9))
decay_g = optim.lr_scheduler.LinearLR(optimizerG, 1.0, 0.1, total_iters=args.iterations)
print(f"before: sliced distance {sliced_distance(netG):.4f}")

for iteration in range(1, args.iterations + 1):
    netD.requires_grad_(True)
    for _ in range(CRITIC_ITERS):
        real = crescent(BATCH)
        with torch.no_grad():
            fake = netG(torch.randn(BATCH, NOISE))
        netD.zero_grad()
        wasserstein = netD(real).mean() - netD(fake).mean()
        d_cost = -wasserstein + calc_gradient_penalty(netD, real, fake)
        d_cost.backward()
        optimizerD.step()

    netD.requires_grad_(False)
    netG.zero_grad()
    g_cost = -netD(netG(torch.randn(BATCH, NOISE))).mean()
    g_cost.backward()
    optimizerG.step()
    decay_g.step()

    if iteration % 50 == 0:
        print(f"iter {iteration} critic {d_cost.item():+.4f} gen {g_cost.item():+.4f} "
              f"W {wasserstein.item():.4f} sliced distance {sliced_distance(netG):.4f}")
