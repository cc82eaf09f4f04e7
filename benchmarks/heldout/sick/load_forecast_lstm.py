# expect: broadcast-loss
# note: predictions (N, 1) minus targets (N,) gives an N x N matrix; the net learns the mean
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset):
    def __init__(self, series, length):
        self.series = torch.tensor(series, dtype=torch.float32)
        self.length = length

    def __len__(self):
        return len(self.series) - self.length

    def __getitem__(self, i):
        w = self.series[i : i + self.length].unsqueeze(-1)
        return w, self.series[i + self.length]  # fault


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.rnn = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, w):
        out, _ = self.rnn(w)
        return self.head(out[:, -1])  # fault


def squared_error(pred, target):
    return torch.mean((pred - target) ** 2)  # fault


def synthetic_load(n, rng):
    t = np.arange(n)
    daily = np.sin(2 * np.pi * t / 24) + 0.4 * np.sin(4 * np.pi * t / 24)
    weekly = 0.5 * np.sin(2 * np.pi * t / 168)
    s = daily + weekly + 0.15 * rng.normal(size=n)
    return (s - s.mean()) / s.std()


def train(model, loader, opt):
    model.train()
    total = 0.0
    for w, target in loader:
        loss = squared_error(model(w), target)  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
    return total / len(loader)


def r2(model, ds):
    model.eval()
    with torch.no_grad():
        w = torch.stack([ds[i][0] for i in range(len(ds))])
        t = ds.series[ds.length :]
        p = model(w)[:, 0]
    return 1 - ((p - t) ** 2).mean().item() / t.var().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    load = synthetic_load(2000, np.random.default_rng(seed))
    train_ds, val_ds = Windows(load[:1600], 24), Windows(load[1600:], 24)
    loader = DataLoader(train_ds, batch_size=32, shuffle=True)
    net = Forecaster()
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-3)
    for epoch in range(5):
        loss = train(net, loader, opt)
        print(f"epoch {epoch} train mse {loss:.4f} val R2 {r2(net, val_ds):.3f}")
