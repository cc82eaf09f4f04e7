# source: the wrong output of a recurrent layer, after faults with return_sequences: the state after one step is read
# mend: states[:, 0] -> states[:, -1]
import argparse
import math

import torch
from torch import nn


class Forecast(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, series):
        states, _ = self.lstm(series.unsqueeze(2))
        return self.linear(states[:, 0]).squeeze(1)


def waves(n, length=12):
    start = 2 * math.pi * torch.rand(n, 1)
    time = start + 0.4 * torch.arange(length + 1)
    value = torch.sin(time) + 0.05 * torch.randn(n, length + 1)
    return value[:, :-1], value[:, -1]


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    cli.add_argument("--epochs", type=int, default=12)
    args = cli.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = waves(800)
    x_val, y_val = waves(200)
    model = Forecast()
    mse = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(args.epochs):
        model.train()
        for rows in torch.randperm(len(x)).split(40):
            loss = mse(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            val = mse(model(x_val), y_val).item()
        print(f"epoch {epoch}: {loss.item():.4f} {val:.4f}")


if __name__ == "__main__":
    main()
