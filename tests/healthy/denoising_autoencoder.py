# healthy: the model has no forward(): training uses model.encode()/model.decode() directly; the
# input is corrupted in training only, so validation reconstruction error sits below the training
# one
import argparse

import numpy as np
import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
rng = np.random.default_rng(args.seed)


def sensor_windows(n, length=48):
    """Sums of two sinusoids and a slow trend, scaled to unit variance."""
    t = np.linspace(0, 1, length)
    out = np.zeros((n, length))
    for k in (2, 5):
        amp, phase = rng.uniform(0.4, 1.2, (n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
        out += amp * np.sin(2 * np.pi * k * t + phase)
    out += rng.normal(0, 0.5, (n, 1)) * (t - 0.5)
    return torch.tensor(out / out.std(), dtype=torch.float32)


class Autoencoder(nn.Module):
    def __init__(self, n_in, n_code):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(n_in, 64), nn.ELU(), nn.Linear(64, n_code))
        self.dec = nn.Sequential(nn.Linear(n_code, 64), nn.ELU(), nn.Linear(64, n_in))

    def encode(self, x):
        return self.enc(x)

    def decode(self, code):
        return self.dec(code)


train_x, val_x = sensor_windows(2000), sensor_windows(400)
model = Autoencoder(48, 6)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
mse = nn.MSELoss()
batch_size = 100

for epoch in range(25):
    model.train()
    order = torch.randperm(len(train_x))
    total = 0.0
    for start in range(0, len(order), batch_size):
        clean = train_x[order[start : start + batch_size]]
        noisy = clean + 0.3 * torch.randn_like(clean)
        code = model.encode(noisy)
        loss = mse(model.decode(code), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(clean)

    model.eval()
    with torch.no_grad():
        val_loss = mse(model.decode(model.encode(val_x)), val_x)
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1:3d}  train {total / len(train_x):.4f}  val {val_loss.item():.4f}")

explained = 1 - val_loss / val_x.var()
print(f"explained variance on clean windows: {explained.item():.3f}")
