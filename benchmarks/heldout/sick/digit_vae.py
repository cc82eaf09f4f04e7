# expect: regularisation-dominates
# accept: collapsed-prediction, ignores-input
# note: reconstruction is a mean over pixels, the KL term a sum: the KL wins and every digit
#   decodes to the mean image
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader


class VAE(nn.Module):
    def __init__(self, latent=6):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.mu = nn.Linear(64, latent)
        self.logvar = nn.Linear(64, latent)
        self.dec = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu
        if self.training:
            z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.dec(z), mu, logvar


def vae_loss(recon, x, mu, logvar):
    rec = F.mse_loss(recon, x)  # fault
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())  # fault
    return rec + kl, rec, kl  # fault


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    torch.set_num_threads(1)
    x = torch.tensor(load_digits().data, dtype=torch.float32) / 16.0
    x = (x - x.mean(0)) * 2.5
    x = x[torch.randperm(len(x))]
    train, val = x[:1500], x[1500:]
    loader = DataLoader(train, batch_size=50, shuffle=True)
    model = VAE()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(15):
        model.train()
        sums = [0.0, 0.0]
        for xb in loader:
            loss, rec, kl = vae_loss(*((out := model(xb))[0], xb, *out[1:]))
            opt.zero_grad()
            loss.backward()
            opt.step()
            sums[0] += rec.item() / len(loader)
            sums[1] += kl.item() / len(loader)
        model.eval()
        with torch.no_grad():
            r2 = 1 - F.mse_loss(model(val)[0], val) / val.var()
        print(f"epoch {epoch} rec {sums[0]:.4f} kl {sums[1]:.4f} val R2 {r2:.3f}")


if __name__ == "__main__":
    main()
