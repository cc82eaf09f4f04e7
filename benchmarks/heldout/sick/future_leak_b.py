# expect: future-leak
# note: the dilated convolutions are padded on both sides instead of on the left, so the forecast
#       for t+1 reads the value at t+1; one-step error looks perfect, a real forecast would fail
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class DilatedBlock(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation, padding=dilation)  # fault
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        return x + self.mix(torch.relu(self.conv(x)))


class Forecaster(nn.Module):
    """Autoregressive: output t is the forecast of value t + 1."""

    def __init__(self, channels=16):
        super().__init__()
        self.first = nn.Conv1d(1, channels, 1)
        self.blocks = nn.Sequential(*[DilatedBlock(channels, 2**k) for k in range(3)])
        self.last = nn.Conv1d(channels, 1, 1)

    def forward(self, x):
        h = self.blocks(self.first(x.unsqueeze(1)))
        return self.last(torch.relu(h)).squeeze(1)


def threshold_series(n, rng):
    """A noisy threshold autoregression: the regime depends on the value two steps back."""
    x = np.zeros(n + 50)
    for t in range(2, n + 50):
        slope = 0.9 if x[t - 2] < 0 else -0.6
        x[t] = 0.3 + slope * x[t - 1] - 0.3 * x[t - 2] + 0.5 * rng.normal()
    return x[50:]


def cut(series, width=40, stride=8):
    pieces = torch.tensor(series, dtype=torch.float32).unfold(0, width + 1, stride)
    return pieces[:, :-1], pieces[:, 1:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    series = threshold_series(7000, rng)
    mean, std = series[:5600].mean(), series[:5600].std()
    series = (series - mean) / std
    x_train, y_train = cut(series[:5600])
    x_val, y_val = cut(series[5600:])

    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(12):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x_train)).split(25):
            loss = F.mse_loss(model(x_train[idx]), y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            val = F.mse_loss(model(x_val), y_val).item()
        print(f"epoch {epoch:2d}  train mse {total / len(x_train):.4f}  val mse {val:.4f}")


if __name__ == "__main__":
    main()
