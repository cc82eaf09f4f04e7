# expect: shrinking-weights
# accept: skewed-weight-variance, oversized-regularisation, regularisation-dominates, lr-too-high
# note: weight decay of 20 instead of 0.02 for the encoder's group; its weights shrink to a fifth
#   while the code's grow fourfold to make up for them, and the reconstruction stays coarse
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Autoencoder(nn.Module):
    def __init__(self, pixels=64, width=64, code=10):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(pixels, width), nn.ELU(), nn.Linear(width, width), nn.ELU()
        )
        self.bottleneck = nn.Linear(width, code)
        self.decoder = nn.Sequential(nn.Linear(code, width), nn.ELU(), nn.Linear(width, pixels))

    def forward(self, x):
        return self.decoder(self.bottleneck(self.encoder(x)))


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=500)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

pixels = torch.tensor(load_digits().data, dtype=torch.float32)
pixels = pixels[torch.randperm(len(pixels), generator=torch.Generator().manual_seed(23))]
center, scale = pixels[:1450].mean(0), pixels[:1450].std()
train, val = (pixels[:1450] - center) / scale, (pixels[1450:] - center) / scale

model = Autoencoder()
optimizer = torch.optim.AdamW(
    [
        {"params": model.encoder.parameters(), "weight_decay": 20.0},  # fault
        {"params": model.bottleneck.parameters(), "weight_decay": 0.02},
        {"params": model.decoder.parameters(), "weight_decay": 0.02},
    ],
    lr=2e-3,
)
loss_fn = nn.MSELoss()
print(f"pixel variance {val.square().mean().item():.4f}")
for step in range(1, args.steps + 1):
    model.train()
    batch = train[torch.randint(len(train), (64,))]
    optimizer.zero_grad()
    loss = loss_fn(model(batch), batch)
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        model.eval()
        with torch.no_grad():
            error = loss_fn(model(val), val).item()
        print(f"step {step} train {loss.item():.4f} val {error:.4f}")
