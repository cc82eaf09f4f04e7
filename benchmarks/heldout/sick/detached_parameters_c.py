# expect: detached-parameters
# accept: detached-loss
# note: the generator step reuses the detached fakes of the discriminator step; no gradient
#   reaches the generator
import argparse
import math

import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=600)
opt = parser.parse_args()
torch.manual_seed(opt.seed)

LATENT = 4


def real_samples(n):
    """Points on a ring of radius 2 around (1, 1)."""
    angle = 2 * math.pi * torch.rand(n)
    radius = 2 + 0.1 * torch.randn(n)
    return torch.stack([1 + radius * angle.cos(), 1 + radius * angle.sin()], dim=1)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(LATENT, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 2),
        )

    def forward(self, z):
        return self.model(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(2, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 1),
        )

    def forward(self, x):
        return self.model(x)


generator = Generator()
discriminator = Discriminator()
adversarial_loss = nn.BCEWithLogitsLoss()
optimizer_G = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))

batch = 64
valid = torch.ones(batch, 1)
fake = torch.zeros(batch, 1)

for step in range(1, opt.steps + 1):
    # Discriminator
    real = real_samples(batch)
    gen_points = generator(torch.randn(batch, LATENT)).detach()  # fault
    optimizer_D.zero_grad()
    real_loss = adversarial_loss(discriminator(real), valid)
    fake_loss = adversarial_loss(discriminator(gen_points), fake)
    d_loss = (real_loss + fake_loss) / 2
    d_loss.backward()
    optimizer_D.step()

    # Generator
    optimizer_G.zero_grad()
    g_loss = adversarial_loss(discriminator(gen_points), valid)  # fault
    g_loss.backward()
    optimizer_G.step()

    if step % 60 == 0:
        with torch.no_grad():
            sample = generator(torch.randn(500, LATENT))
            radius_error = ((sample - 1).norm(dim=1) - 2).abs().mean()
        print(f"[Step {step}/{opt.steps}] [D loss: {d_loss.item():.4f}] "
              f"[G loss: {g_loss.item():.4f}] [radius error: {radius_error.item():.3f}]")
