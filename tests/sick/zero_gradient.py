# expect: zero-gradient
# accept: detached-parameters, frozen-parameters, saturated-activation
# note: the code is rounded to -1 or 1 with sign(), whose derivative is zero everywhere; the encoder
#   gets a gradient of exactly zero and stays random, only the decoder learns
# mend: code = torch.sign(soft) -> code = soft + (torch.sign(soft) - soft).detach()
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class BinaryAutoencoder(nn.Module):
    """Compresses an image to a few bits."""

    def __init__(self, pixels=64, bits=20, width=96):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(pixels, width), nn.ReLU(), nn.Linear(width, bits), nn.Tanh()
        )
        self.decoder = nn.Sequential(nn.Linear(bits, width), nn.ReLU(), nn.Linear(width, pixels))

    def forward(self, x):
        soft = self.encoder(x)
        code = torch.sign(soft)  # fault
        return self.decoder(code)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    pixels = torch.tensor(load_digits().data, dtype=torch.float32)
    pixels = pixels[torch.randperm(len(pixels), generator=torch.Generator().manual_seed(4))]
    mean, std = pixels[:1440].mean(0), pixels[:1440].std()
    train, val = (pixels[:1440] - mean) / std, (pixels[1440:] - mean) / std
    loader = DataLoader(TensorDataset(train), batch_size=48, shuffle=True)
    model = BinaryAutoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.MSELoss()
    print(f"variance of the pixels {val.pow(2).mean().item():.4f}")
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for (x,) in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), x)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        model.eval()
        with torch.no_grad():
            val_loss = criterion(model(val), val).item()
        print(f"epoch {epoch:2d} train {total / len(train):.4f} val {val_loss:.4f}")


if __name__ == "__main__":
    main()
