# healthy: Wasserstein GAN with gradient penalty; negative unbounded losses, a second derivative
# inside the critic's loss, five critic steps per generator step, and the generator step leaves
# gradients in the critic
import argparse
import math

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=400)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)


def real_batch(n):
    k = torch.randint(0, 6, (n,)) * (2 * math.pi / 6)
    return torch.stack([k.cos(), k.sin()], 1) * 1.3 + 0.08 * torch.randn(n, 2)


def mlp(i, o, width=64):
    return nn.Sequential(
        nn.Linear(i, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2),
        nn.Linear(width, o),
    )  # fmt: skip


def penalty(critic, real, fake):
    mix = torch.rand(len(real), 1)
    x = (mix * real + (1 - mix) * fake).requires_grad_(True)
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.norm(dim=1) - 1) ** 2).mean()


def sliced_distance(a, b, n=64):
    theta = torch.linspace(0, math.pi, n)
    axes = torch.stack([theta.cos(), theta.sin()])
    return ((a @ axes).sort(0).values - (b @ axes).sort(0).values).abs().mean().item()


generator, critic = mlp(4, 2), mlp(2, 1)
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))
held_out, noise = real_batch(1000), torch.randn(1000, 4)
with torch.no_grad():
    print(f"distance before training {sliced_distance(generator(noise), held_out):.3f}")

for step in range(args.steps):
    for _ in range(5):
        real = real_batch(128)
        with torch.no_grad():
            fake = generator(torch.randn(128, 4))
        loss_c = critic(fake).mean() - critic(real).mean() + 2.0 * penalty(critic, real, fake)
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
    loss_g = -critic(generator(torch.randn(128, 4))).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    if (step + 1) % 80 == 0:
        with torch.no_grad():
            d = sliced_distance(generator(noise), held_out)
        print(f"{step + 1}: critic {loss_c.item():.3f} gen {loss_g.item():.3f} distance {d:.3f}")
