# healthy: heteroscedastic regression with GaussianNLLLoss; the loss is rightly below zero, and
#   two outputs come from one linear layer
import argparse

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class MeanVar(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
        self.head = nn.Linear(48, 2)

    def forward(self, x):
        mean, raw = self.head(self.body(x)).chunk(2, dim=1)
        return mean, nn.functional.softplus(raw) + 1e-4


def simulate(n):
    x = torch.rand(n, 2) * 2 - 1
    sigma = 0.03 + 0.1 * (x[:, 1:] + 1)
    return x, torch.sin(3 * x[:, :1]) * x[:, 1:] + sigma * torch.randn(n, 1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    loader = DataLoader(TensorDataset(*simulate(1200)), batch_size=60, shuffle=True)
    xv, yv = simulate(400)
    model = MeanVar()
    criterion = nn.GaussianNLLLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=16)
    for epoch in range(16):
        model.train()
        total = 0.0
        for x, y in loader:
            mean, var = model(x)
            loss = criterion(mean, y, var)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
            total += loss.item()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            mean, var = model(xv)
            v = criterion(mean, yv, var).item()
            r2 = 1 - (mean - yv).pow(2).mean() / yv.var()
        print(f"epoch {epoch + 1} nll {total / len(loader):.4f} val nll {v:.4f} R2 {r2:.3f}")


if __name__ == "__main__":
    main()
