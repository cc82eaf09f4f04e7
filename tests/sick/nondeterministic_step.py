# expect: nondeterministic-step
# accept: unseeded-run
# note: the noise layer makes a fresh generator with a random seed in every call; equal steps differ
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class AddNoise(nn.Module):
    def __init__(self, sigma):
        super().__init__()
        self.sigma = sigma

    def forward(self, x):
        if not self.training:
            return x
        rng = np.random.default_rng()  # fault
        noise = rng.normal(0.0, self.sigma, size=tuple(x.shape))  # fault
        return x + torch.from_numpy(noise).to(x.dtype)


class DenoisingAutoencoder(nn.Module):
    def __init__(self, code=16):
        super().__init__()
        self.noise = AddNoise(0.2)
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, code))
        self.decoder = nn.Sequential(nn.Linear(code, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, x):
        return self.decoder(self.encoder(self.noise(x)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    pixels = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    pixels = pixels[torch.randperm(len(pixels), generator=torch.Generator().manual_seed(5))]
    mean = pixels[:1400].mean(0)
    train, val = pixels[:1400] - mean, pixels[1400:] - mean
    loader = DataLoader(TensorDataset(train), batch_size=64, shuffle=True)
    model = DenoisingAutoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss_fn = nn.MSELoss()
    print(f"variance of the validation images {val.pow(2).mean().item():.4f}")
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for (batch,) in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(batch), batch)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        model.eval()
        with torch.no_grad():
            val_loss = loss_fn(model(val), val).item()
        print(f"epoch {epoch:2d} train {total / len(train):.5f} val {val_loss:.5f}")


if __name__ == "__main__":
    main()
