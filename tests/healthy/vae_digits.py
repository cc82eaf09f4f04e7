# healthy: VAE with separate encode()/decode() called from forward; loss is a sum over pixels and
# latent units averaged over the batch, sampling only in training mode
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


class VAE(nn.Module):
    def __init__(self, hidden=96, latent=8):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc21 = nn.Linear(hidden, latent)
        self.fc22 = nn.Linear(hidden, latent)
        self.fc3 = nn.Linear(latent, hidden)
        self.fc4 = nn.Linear(hidden, 64)

    def encode(self, x):
        h = F.silu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def reparameterize(self, mu, logvar):
        if not self.training:
            return mu
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.silu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    bce = F.binary_cross_entropy(recon_x, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (bce + kld) / x.size(0)


def main():
    parser = argparse.ArgumentParser(description="VAE digits example")
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
    x = x[torch.randperm(len(x))]
    train_loader = DataLoader(x[:1500], batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(x[1500:], batch_size=99)

    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    for epoch in range(1, args.epochs + 1):
        model.train()
        train_loss = 0.0
        for data in train_loader:
            optimizer.zero_grad()
            recon, mu, logvar = model(data)
            loss = loss_function(recon, data, mu, logvar)
            loss.backward()
            train_loss += loss.item() * len(data)
            optimizer.step()
        model.eval()
        test_loss, mse = 0.0, 0.0
        with torch.no_grad():
            for data in test_loader:
                recon, mu, logvar = model(data)
                test_loss += loss_function(recon, data, mu, logvar).item() * len(data)
                mse += F.mse_loss(recon, data, reduction="sum").item()
        print(f"====> Epoch: {epoch} Average loss: {train_loss / 1500:.4f} "
              f"test: {test_loss / 297:.4f} reconstruction mse: {mse / 297 / 64:.4f}")

    with torch.no_grad():
        sample = model.decode(torch.randn(16, 8))
    print("sample range", round(sample.min().item(), 3), round(sample.max().item(), 3))


if __name__ == "__main__":
    main()
