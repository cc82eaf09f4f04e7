# expect: parameters-not-in-optimizer
# note: two modules are built but only the decoder is handed to Adam, so the encoder stays at its random start
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_sample_image

parser = argparse.ArgumentParser()
parser.add_argument("--seed", default=0, type=int)
parser.add_argument("--steps", default=360, type=int)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

img = torch.tensor(load_sample_image("china.jpg")).float().mean(2) / 255
patches = img.unfold(0, 12, 12).unfold(1, 12, 12).reshape(-1, 144)
patches = patches - patches.mean(1, keepdim=True)
patches = patches / patches.std()
patches = patches[torch.randperm(len(patches))]
train, val = patches[:1500], patches[1500:]


class Encoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.a = nn.Linear(144, 96)
        self.b = nn.Linear(96, code)

    def forward(self, x):
        return self.b(F.elu(self.a(x)))


class Decoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.a = nn.Linear(code, 96)
        self.b = nn.Linear(96, 144)

    def forward(self, z):
        return self.b(F.elu(self.a(z)))


encoder, decoder = Encoder(16), Decoder(16)
optimizer = torch.optim.Adam(decoder.parameters(), lr=2e-3)  # fault

for step in range(1, args.steps + 1):
    batch = train[torch.randint(len(train), (64,))]
    recon = decoder(encoder(batch))
    loss = F.mse_loss(recon, batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 40 == 0:
        with torch.no_grad():
            val_loss = F.mse_loss(decoder(encoder(val)), val)
        print(f"step {step:4d}: train mse {loss.item():.4f}, val mse {val_loss.item():.4f}")
