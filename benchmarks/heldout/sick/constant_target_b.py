# expect: constant-target
# note: the target index lacks the window's start, every window is asked for the same value
import argparse

import numpy as np
import torch
from torch import nn


def series(length, rng):
    t = np.arange(length)
    level = 0.6 * np.sin(2 * np.pi * t / 24) + 0.4 * np.sin(2 * np.pi * t / 7.5 + 1.0)
    noise = np.zeros(length)
    for i in range(1, length):
        noise[i] = 0.7 * noise[i - 1] + 0.15 * rng.normal()
    values = level + noise
    return ((values - values.mean()) / values.std()).astype(np.float32)


def windows(values, size):
    inputs, targets = [], []
    for start in range(len(values) - size):
        inputs.append(values[start : start + size])
        targets.append(values[size])  # fault
    return torch.tensor(np.array(inputs)), torch.tensor(np.array(targets))


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.lstm(x.unsqueeze(-1))
        return self.out(states[:, -1]).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    values = series(1500, np.random.default_rng(args.seed))
    x_train, y_train = windows(values[:1200], 24)
    x_val, y_val = windows(values[1200:], 24)

    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(10):
        model.train()
        epoch_loss = 0.0
        for rows in torch.randperm(len(x_train)).split(42):
            pred = model(x_train[rows])
            loss = nn.functional.mse_loss(pred, y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() * len(rows) / len(x_train)
        model.eval()
        with torch.no_grad():
            val_loss = nn.functional.mse_loss(model(x_val), y_val).item()
        print(f"epoch {epoch}: train mse {epoch_loss:.5f}, val mse {val_loss:.5f}")


if __name__ == "__main__":
    main()
