# healthy: dilated causal convolutions forecasting the next value; training windows overlap each
# other heavily, but train and validation are cut by time with a gap between them
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

WINDOW = 48


class SeriesWindows(Dataset):
    def __init__(self, series, stride):
        self.series = torch.as_tensor(series, dtype=torch.float32)
        self.starts = range(0, len(series) - WINDOW, stride)

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, i):
        s = self.starts[i]
        return self.series[s : s + WINDOW].unsqueeze(0), self.series[s + 1 : s + WINDOW + 1]


class CausalConv1d(nn.Conv1d):
    def __init__(self, cin, cout, kernel, dilation):
        super().__init__(cin, cout, kernel, dilation=dilation)
        self.left = (kernel - 1) * dilation

    def forward(self, x):
        return super().forward(nn.functional.pad(x, (self.left, 0)))


class TCN(nn.Module):
    def __init__(self, channels=24):
        super().__init__()
        self.inp = nn.Conv1d(1, channels, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(CausalConv1d(channels, channels, 3, d), nn.GELU(),
                          nn.Conv1d(channels, channels, 1))
            for d in (1, 2, 4, 8)
        )
        self.out = nn.Conv1d(channels, 1, 1)

    def forward(self, x):
        h = self.inp(x)
        for block in self.blocks:
            h = h + block(h)
        return self.out(h).squeeze(1)


def simulate(n, rng):
    """A daily and a weekly cycle, a slow random walk in amplitude, AR(1) noise."""
    t = np.arange(n)
    amp = 1 + 0.3 * np.sin(2 * np.pi * t / 400 + rng.uniform(0, 6))
    noise = np.zeros(n)
    shocks = 0.15 * rng.standard_normal(n)
    for i in range(1, n):
        noise[i] = 0.6 * noise[i - 1] + shocks[i]
    y = amp * np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 84) + noise
    return (y - y[: n // 2].mean()) / y[: n // 2].std()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    series = simulate(3600, np.random.default_rng(args.seed))
    train_dl = DataLoader(SeriesWindows(series[:2800], 2), batch_size=32, shuffle=True)
    val_dl = DataLoader(SeriesWindows(series[2800 + WINDOW :], WINDOW), batch_size=64)

    model = TCN()
    loss_fn = nn.SmoothL1Loss(beta=0.5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.75)
    for epoch in range(8):
        model.train()
        total = 0.0
        for x, y in train_dl:
            loss = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        scheduler.step()
        model.eval()
        sq = base = n = 0.0
        with torch.no_grad():
            for x, y in val_dl:
                sq += (model(x) - y).square().sum().item()
                base += (x.squeeze(1) - y).square().sum().item()
                n += y.numel()
        print(f"epoch {epoch} train {total / len(train_dl.dataset):.4f} val mse {sq / n:.4f} "
              f"(repeat last value: {base / n:.4f})")


if __name__ == "__main__":
    main()
