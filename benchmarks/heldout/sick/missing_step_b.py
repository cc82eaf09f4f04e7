# expect: missing-step
# note: encoder and decoder have an optimizer each, but step is called twice on that of the encoder;
#       the decoder stays as it was initialised
import argparse

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def clean_signals(n, rng, length=32):
    t = np.linspace(0, 1, length)
    centre = rng.uniform(0.2, 0.8, (n, 1))
    width = rng.uniform(0.05, 0.15, (n, 1))
    slope = rng.normal(0, 1.0, (n, 1))
    signal = 2.0 * np.exp(-((t - centre) ** 2) / (2 * width**2)) + slope * (t - 0.5) - 0.5
    return torch.tensor(signal, dtype=torch.float32)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(32, 48), nn.ReLU(), nn.Linear(48, 16), nn.ReLU())

    def forward(self, x):
        return self.net(x)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 32))

    def forward(self, z):
        return self.net(z)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--noise", type=float, default=0.5)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    train_loader = DataLoader(TensorDataset(clean_signals(1200, rng)), batch_size=60, shuffle=True)
    val_clean = clean_signals(300, rng)
    val_noisy = val_clean + args.noise * torch.randn(val_clean.shape)

    encoder, decoder = Encoder(), Decoder()
    enc_opt = optim.Adam(encoder.parameters(), lr=2e-3)
    dec_opt = optim.Adam(decoder.parameters(), lr=2e-3)
    mse = nn.MSELoss()
    for epoch in range(15):
        encoder.train()
        decoder.train()
        total = 0.0
        for (clean,) in train_loader:
            noisy = clean + args.noise * torch.randn_like(clean)
            loss = mse(decoder(encoder(noisy)), clean)
            enc_opt.zero_grad()
            dec_opt.zero_grad()
            loss.backward()
            enc_opt.step()  # fault
            enc_opt.step()  # fault
            total += loss.item() * len(clean) / 1200
        encoder.eval()
        decoder.eval()
        with torch.no_grad():
            val = mse(decoder(encoder(val_noisy)), val_clean).item()
        gain = mse(val_noisy, val_clean).item() / val
        print(f"epoch {epoch:2d} train {total:.4f} val {val:.4f} denoising gain {gain:.2f}x")


if __name__ == "__main__":
    main()
