# expect: missing-zero-grad
# note: optimizer.zero_grad is named but not called, so gradients pile up over the whole run
import argparse
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class WaveDataset(Dataset):
    def __init__(self, series, window):
        self.series = series
        self.window = window

    def __len__(self):
        return len(self.series) - self.window

    def __getitem__(self, i):
        x = self.series[i : i + self.window].unsqueeze(-1)
        return x, self.series[i + self.window : i + self.window + 1]


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        h, _ = self.lstm(x)
        return self.out(h[:, -1])


class Trainer:
    def __init__(self, model, train_loader, val_loader, lr=0.05):
        self.model = model
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.criterion = nn.MSELoss()
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

    def fit(self, epochs):
        for epoch in range(epochs):
            self.model.train()
            total = 0.0
            for x, y in self.train_loader:
                self.optimizer.zero_grad  # fault
                loss = self.criterion(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                total += loss.item()
            print(f"epoch {epoch}: train {total / len(self.train_loader):.4f} "
                  f"val {self.validate():.4f}")

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        total, n = 0.0, 0
        for x, y in self.val_loader:
            total += self.criterion(self.model(x), y).item() * len(x)
            n += len(x)
        return total / n


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

t = torch.arange(1400).float()
series = torch.sin(2 * math.pi * t / 25) + 0.5 * torch.sin(2 * math.pi * t / 60)
series = series + 0.05 * torch.randn(len(t))
series = (series - series[:1100].mean()) / series[:1100].std()

train_loader = DataLoader(WaveDataset(series[:1100], 20), batch_size=32, shuffle=True)
val_loader = DataLoader(WaveDataset(series[1100:], 20), batch_size=64)
trainer = Trainer(Forecaster(), train_loader, val_loader)
trainer.fit(epochs=10)
