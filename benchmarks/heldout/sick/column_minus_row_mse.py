# expect: broadcast-loss
# accept: collapsed-prediction
# note: the prediction is (N,1) and the target (N), the squared difference is N x N and the net learns only the mean
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)


class BikeRentals(Dataset):
    def __init__(self, n):
        hour = np.random.uniform(0, 24, n)
        temp = np.random.normal(15, 8, n)
        rain = (np.random.rand(n) < 0.25).astype(float)
        y = np.exp(-(((hour - 8) / 2) ** 2)) + 1.3 * np.exp(-(((hour - 17.5) / 2.5) ** 2))
        y = y * (1 - 0.6 * rain) + 0.03 * (temp - 15) + 0.1 * np.random.randn(n)
        angle = 2 * np.pi * hour / 24
        cols = [np.sin(angle), np.cos(angle), (temp - 15) / 8, rain]
        self.x = torch.tensor(np.stack(cols, 1), dtype=torch.float32)
        self.y = torch.tensor((y - 0.45) / 0.5, dtype=torch.float32)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
        self.out = nn.Linear(48, 1)

    def forward(self, x):
        return self.out(self.body(x))


def rmse_loss(pred, target):
    return torch.sqrt(torch.mean((pred - target) ** 2) + 1e-8)  # fault


train_loader = DataLoader(BikeRentals(1200), batch_size=48, shuffle=True)
valid = BikeRentals(300)
model = Regressor()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(12):
    model.train()
    losses = []
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = rmse_loss(model(xb), yb)  # fault
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        p = model(valid.x).squeeze(1)
        r2 = 1 - ((p - valid.y) ** 2).sum() / ((valid.y - valid.y.mean()) ** 2).sum()
    print(f"epoch {epoch + 1:2d}  rmse {np.mean(losses):.4f}  valid R2 {r2.item():.4f}")
