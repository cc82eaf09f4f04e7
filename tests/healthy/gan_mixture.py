# healthy: GAN on a 2-D mixture; the fake batch is not detached in the discriminator's step, which
# only wastes compute because the generator's gradients are zeroed before its own backward
import argparse
import math

import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--n_steps", type=int, default=900)
parser.add_argument("--batch_size", type=int, default=128)
parser.add_argument("--latent_dim", type=int, default=8)
parser.add_argument("--lr", type=float, default=2e-3)
parser.add_argument("--sample_interval", type=int, default=150)
opt = parser.parse_args()

torch.manual_seed(opt.seed)
torch.set_num_threads(1)

angles = torch.arange(5) * 2 * math.pi / 5
centres = 1.5 * torch.stack([angles.cos(), angles.sin()], dim=1)


def real_samples(n):
    return centres[torch.randint(len(centres), (n,))] + 0.2 * torch.randn(n, 2)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(opt.latent_dim, 64), nn.LeakyReLU(0.2),
            nn.Linear(64, 64), nn.LeakyReLU(0.2),
            nn.Linear(64, 2),
        )

    def forward(self, z):
        return self.model(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(2, 64), nn.LeakyReLU(0.2),
            nn.Linear(64, 64), nn.LeakyReLU(0.2),
            nn.Linear(64, 1),
        )

    def forward(self, x):
        return self.model(x)


adversarial_loss = nn.BCEWithLogitsLoss()
G, D = Generator(), Discriminator()
optimizer_G = torch.optim.Adam(G.parameters(), lr=opt.lr, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(D.parameters(), lr=opt.lr, betas=(0.5, 0.999))
valid, fake = torch.ones(opt.batch_size, 1), torch.zeros(opt.batch_size, 1)

for step in range(1, opt.n_steps + 1):
    # ---- discriminator ----
    real = real_samples(opt.batch_size)
    gen = G(torch.randn(opt.batch_size, opt.latent_dim))
    optimizer_D.zero_grad()
    d_loss = (adversarial_loss(D(real), valid) + adversarial_loss(D(gen), fake)) / 2
    d_loss.backward()
    optimizer_D.step()

    # ---- generator ----
    optimizer_G.zero_grad()
    gen = G(torch.randn(opt.batch_size, opt.latent_dim))
    g_loss = adversarial_loss(D(gen), valid)
    g_loss.backward()
    optimizer_G.step()

    if step % opt.sample_interval == 0:
        with torch.no_grad():
            samples = G(torch.randn(2000, opt.latent_dim))
            dist, nearest = torch.cdist(samples, centres).min(dim=1)
        modes = (torch.bincount(nearest[dist < 0.6], minlength=5) > 100).sum().item()
        print(f"[Step {step}/{opt.n_steps}] [D loss: {d_loss.item():.4f}] "
              f"[G loss: {g_loss.item():.4f}] [modes: {modes}/5] "
              f"[near a mode: {(dist < 0.6).float().mean().item():.3f}]")
