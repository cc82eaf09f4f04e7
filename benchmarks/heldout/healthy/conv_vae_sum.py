# healthy: convolutional VAE whose loss is the plain sum over the batch, as in the best known
# example; the loss is in the thousands and Adam does not mind
from __future__ import annotations

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader


def blobs(n: int, gen: torch.Generator) -> torch.Tensor:
    """12 x 12 pictures of one soft ellipse, values in 0..1."""
    centre = 3.5 + 4 * torch.rand(n, 2, 1, 1, generator=gen)
    width = 1.0 + 1.5 * torch.rand(n, 2, 1, 1, generator=gen)
    axis = torch.arange(12.0)
    dy = (axis.view(1, 12, 1) - centre[:, 0]) / width[:, 0]
    dx = (axis.view(1, 1, 12) - centre[:, 1]) / width[:, 1]
    return torch.exp(-0.5 * (dy**2 + dx**2)).unsqueeze(1)


class ConvVAE(nn.Module):
    def __init__(self, z_dim: int = 4) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 4, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.LeakyReLU(0.1), nn.Flatten(),
        )
        self.to_mu = nn.Linear(32 * 9, z_dim)
        self.to_logvar = nn.Linear(32 * 9, z_dim)
        self.from_z = nn.Linear(z_dim, 32 * 9)
        self.decoder = nn.Sequential(
            nn.Unflatten(1, (32, 3, 3)), nn.LeakyReLU(0.1),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h = self.encoder(x)
        mu, logvar = self.to_mu(h), self.to_logvar(h)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.decoder(self.from_z(z)), mu, logvar


def elbo(logits, x, mu, logvar):
    recon = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return recon - 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    train, test = blobs(1500, gen), blobs(300, gen)
    loader = DataLoader(train, batch_size=50, shuffle=True)
    model = ConvVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, args.epochs + 1):
        model.train()
        epoch_loss = 0.0
        for x in loader:
            optimizer.zero_grad()
            loss = elbo(*_with(model, x))
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        model.eval()
        with torch.no_grad():
            logits, mu, logvar = model(test)
            test_loss = elbo(logits, test, mu, logvar).item() / len(test)
            mse = F.mse_loss(logits.sigmoid(), test).item()
        print(f"Epoch {epoch}: train {epoch_loss / len(train):.3f} test {test_loss:.3f} "
              f"mse {mse:.4f} (variance {test.var().item():.4f})")


def _with(model: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    logits, mu, logvar = model(x)
    return logits, x, mu, logvar


if __name__ == "__main__":
    main()
