# expect: wrong-output-activation
# note: the forecaster ends in a sigmoid while the standardised targets run from about -2 to 2, so
#       half of the series can never be predicted and the error stays high
# mend: nn.Linear(16, 1),\n            nn.Sigmoid(),  # fault -> nn.Linear(16, 1),
import argparse

import torch
from torch import nn


class Forecaster(nn.Module):
    """Predicts the next value of a series from a window of past values."""

    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Sequential(
            nn.Linear(hidden, 16),
            nn.ReLU(),
            nn.Linear(16, 1),
            nn.Sigmoid(),  # fault
        )

    def forward(self, window):
        states, _ = self.gru(window.unsqueeze(-1))
        return self.head(states[:, -1]).squeeze(-1)


def make_series(length, generator):
    t = torch.arange(length, dtype=torch.float32)
    clean = torch.sin(t / 5.0) + 0.6 * torch.sin(t / 13.0 + 1.0)
    return clean + 0.08 * torch.randn(length, generator=generator)


def windows(series, width):
    chunks = series.unfold(0, width + 1, 1)
    return chunks[:, :-1].contiguous(), chunks[:, -1].contiguous()


def validate(net, x, y):
    net.eval()
    with torch.no_grad():
        mse = nn.functional.mse_loss(net(x), y).item()
    return mse, 1 - mse / y.var(unbiased=False).item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    opt = ap.parse_args()
    torch.manual_seed(opt.seed)
    torch.set_num_threads(1)

    gen = torch.Generator().manual_seed(opt.seed + 100)
    series = make_series(1500, gen)
    cut = 1200
    mean, std = series[:cut].mean(), series[:cut].std()
    series = (series - mean) / std
    x_train, y_train = windows(series[:cut], 20)
    x_val, y_val = windows(series[cut:], 20)

    net = Forecaster()
    adam = torch.optim.Adam(net.parameters(), lr=4e-3)
    for epoch in range(12):
        net.train()
        running, seen = 0.0, 0
        for idx in torch.randperm(len(x_train)).split(64):
            pred = net(x_train[idx])
            loss = ((pred - y_train[idx]) ** 2).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            running += loss.item() * len(idx)
            seen += len(idx)
        mse, r2 = validate(net, x_val, y_val)
        print(f"epoch {epoch + 1}: train mse {running / seen:.4f}  val mse {mse:.4f}  r2 {r2:.3f}")


if __name__ == "__main__":
    main()
