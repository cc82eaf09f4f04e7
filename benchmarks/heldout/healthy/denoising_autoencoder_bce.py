# healthy: denoising autoencoder, target is the clean input; Sigmoid + BCELoss on grey values
#   whose floor is far above zero
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 20))
        self.decoder = nn.Sequential(
            nn.ReLU(), nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid()
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def corrupt(x):
    mask = (torch.rand_like(x) > 0.15).float()
    return x * mask


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=14)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    pixels = torch.tensor(load_digits().data, dtype=torch.float32) / 16.0
    pixels = pixels[torch.randperm(len(pixels))]
    train, val = pixels[:1400], pixels[1400:]
    loader = DataLoader(train, batch_size=40, shuffle=True)
    floor = nn.functional.binary_cross_entropy(val, val).item()
    base = nn.functional.binary_cross_entropy(train.mean(0).expand_as(val), val).item()
    print(f"lowest possible {floor:.4f}, mean image {base:.4f}")

    model = AE()
    criterion = nn.BCELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for clean in loader:
            optimizer.zero_grad()
            loss = criterion(model(corrupt(clean)), clean)
            loss.backward()
            optimizer.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            out = model(val)
            v = criterion(out, val).item()
            mse = nn.functional.mse_loss(out, val).item()
        print(f"epoch {epoch + 1} train {total / len(loader):.4f} val {v:.4f} mse {mse:.4f}")


if __name__ == "__main__":
    main()
