# expect: target-in-input
# note: the window reaches one step too far and holds the value that is to be forecast
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset):
    """The last `length` values and the value that follows them."""

    def __init__(self, series, length):
        self.series = torch.as_tensor(series, dtype=torch.float32)
        self.length = length

    def __len__(self):
        return len(self.series) - self.length

    def __getitem__(self, i):
        end = i + self.length
        history = self.series[i + 1 : end + 1]  # fault
        return history, self.series[end]


def demand(n, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    daily = np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 12 + 0.7)
    weekly = 0.4 * np.sin(2 * np.pi * t / 168)
    shocks = rng.normal(0, 0.6, n)
    noise = np.convolve(shocks, 0.6 ** np.arange(8), mode="same")
    return daily + weekly + noise


class Forecast(nn.Module):
    def __init__(self, length, channels=12):
        super().__init__()
        self.conv = nn.Conv1d(1, channels, 5, padding=2)
        self.mix = nn.Conv1d(channels, channels, 3, padding=1)
        self.head = nn.Linear(channels * length, 1)

    def forward(self, history):
        h = torch.relu(self.conv(history.unsqueeze(1)))
        h = torch.relu(self.mix(h)) + h
        return self.head(h.flatten(1)).squeeze(1)


def r2_score(model, loader):
    model.eval()
    with torch.no_grad():
        pairs = [(model(x), y) for x, y in loader]
    pred, true = (torch.cat(t) for t in zip(*pairs, strict=True))
    return 1 - ((pred - true) ** 2).mean().item() / true.var().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    series = demand(2000, args.seed)
    series = (series - series[:1600].mean()) / series[:1600].std()
    train_loader = DataLoader(Windows(series[:1600], 24), batch_size=64, shuffle=True)
    val_loader = DataLoader(Windows(series[1600:], 24), batch_size=128)
    model = Forecast(24)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(10):
        model.train()
        total, count = 0.0, 0
        for x, y in train_loader:
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, count = total + loss.item() * len(y), count + len(y)
        r2 = r2_score(model, val_loader)
        print(f"epoch {epoch}: train mse {total / count:.4f}, val R2 {r2:.4f}")


if __name__ == "__main__":
    main()
