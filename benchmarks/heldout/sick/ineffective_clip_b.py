# expect: ineffective-clip
# note: the gradients of the averaged copy are clipped (it has none) instead of those of the trained
#       model, whose norm passes the limit of 0.5 in many steps
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class DemandNet(nn.Module):
    """Hourly demand from the last two days and the position in the week."""

    def __init__(self, hidden=32):
        super().__init__()
        self.conv = nn.Conv1d(1, 12, 5, padding=2, stride=2)
        self.rnn = nn.RNN(12, hidden, batch_first=True)
        self.out = nn.Linear(hidden + 2, 1)

    def forward(self, past, week):
        h = torch.relu(self.conv(past.unsqueeze(1))).transpose(1, 2)
        _, last = self.rnn(h)
        return self.out(torch.cat([last[0], week], dim=1)).squeeze(1)


def hourly_demand(hours, rng):
    t = np.arange(hours)
    daily = np.sin(2 * np.pi * t / 24) + 0.4 * np.sin(4 * np.pi * t / 24)
    weekend = ((t // 24) % 7 >= 5).astype(float)
    shocks = np.zeros(hours)
    for k in range(1, hours):
        shocks[k] = 0.8 * shocks[k - 1] + 0.15 * rng.standard_t(3)
    return (1 - 0.5 * weekend) * daily + shocks


def dataset(series, start, stop, width=48):
    rows = np.arange(max(start, width), stop)
    past = np.stack([series[r - width : r] for r in rows])
    angle = 2 * np.pi * (rows % 168) / 168
    week = 1.41 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return [torch.tensor(a, dtype=torch.float32) for a in (past, week, series[rows])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-norm", type=float, default=0.5)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    series = hourly_demand(2400, np.random.default_rng(args.seed))
    series = (series - series[:1900].mean()) / series[:1900].std()
    past, week, target = dataset(series, 0, 1900)
    val_past, val_week, val_target = dataset(series, 1900, 2400)

    model = DemandNet()
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.97))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    for epoch in range(8):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(past)).split(32):
            loss = F.mse_loss(model(past[idx], week[idx]), target[idx])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(averaged.parameters(), args.max_norm)  # fault
            optimizer.step()
            averaged.update_parameters(model)
            total += loss.item() * len(idx) / len(past)
        averaged.eval()
        with torch.no_grad():
            mse = F.mse_loss(averaged(val_past, val_week), val_target).item()
        r2 = 1 - mse / val_target.var().item()
        print(f"epoch {epoch}: train {total:.4f}  val {mse:.4f}  r2 {r2:.4f}")


if __name__ == "__main__":
    main()
