# expect: target-in-input
# note: the window ends at the value to be forecast (off by one), so the net only copies its last
#   input
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def load_series(n, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    noise = np.zeros(n)
    for i in range(1, n):
        noise[i] = 0.6 * noise[i - 1] + rng.normal(0, 0.5)
    return 20 + 6 * np.sin(2 * np.pi * t / 24) + 2 * np.sin(2 * np.pi * t / 168) + 1.2 * noise


def create_sequences(values, seq_length):
    xs, ys = [], []
    for i in range(len(values) - seq_length):
        xs.append(values[i : i + seq_length])
        ys.append(values[i + seq_length - 1])  # fault
    return np.array(xs), np.array(ys)


class TemperatureGRU(nn.Module):
    def __init__(self, hidden_size=32, num_layers=1):
        super().__init__()
        self.gru = nn.GRU(1, hidden_size, num_layers, batch_first=True)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, x):
        out, _ = self.gru(x)
        return self.linear(out[:, -1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seq-length", type=int, default=24)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    series = load_series(2000, args.seed)
    train, test = series[:1600], series[1600:]
    mean, std = train.mean(), train.std()
    loaders = []
    for part, shuffle in ((train, True), (test, False)):
        x, y = create_sequences((part - mean) / std, args.seq_length)
        x = torch.tensor(x, dtype=torch.float32).unsqueeze(-1)
        y = torch.tensor(y, dtype=torch.float32).unsqueeze(-1)
        loaders.append(DataLoader(TensorDataset(x, y), batch_size=32, shuffle=shuffle))
    train_loader, test_loader = loaders

    model = TemperatureGRU()
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(8):
        model.train()
        train_losses = []
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            train_losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            errors = [((model(x) - y) * std).abs().mean().item() for x, y in test_loader]
        print(f"Epoch {epoch}: train loss {np.mean(train_losses):.5f}, "
              f"test MAE {np.mean(errors):.3f} degrees")


if __name__ == "__main__":
    main()
