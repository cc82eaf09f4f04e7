# expect: batch-mixing
# accept: wrong-layout
# note: the (time, batch, hidden) LSTM output is turned to batch-first with view instead of
#   permute, so samples get mixed
import argparse

import torch
import torch.nn as nn


def make_batch(n, steps, gen):
    """Sequences of values and flags; the goal is the sum of the flagged values."""
    values = torch.rand(n, steps, generator=gen) * 2 - 1
    flags = (torch.rand(n, steps, generator=gen) < 0.4).float()
    target = (values * flags).sum(dim=1)
    return torch.stack([values, flags], dim=2), target


class SumNet(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.hidden = hidden
        self.lstm = nn.LSTM(2, hidden)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        batch, steps, _ = x.shape
        out, _ = self.lstm(x.transpose(0, 1))
        out = out.contiguous().view(batch, steps, self.hidden)  # fault
        return self.fc(out[:, -1]).squeeze(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iters", type=int, default=400)
    opts = parser.parse_args()
    torch.manual_seed(opts.seed)
    gen = torch.Generator().manual_seed(opts.seed + 1)
    val_x, val_y = make_batch(256, 8, gen)

    net = SumNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    criterion = nn.MSELoss()
    running = 0.0
    for it in range(1, opts.iters + 1):
        x, y = make_batch(32, 8, gen)
        net.train()
        loss = criterion(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
        if it % 50 == 0:
            net.eval()
            with torch.no_grad():
                val = criterion(net(val_x), val_y).item()
            print(f"iter {it}: train {running / 50:.4f} val {val:.4f} var {val_y.var():.4f}")
            running = 0.0


if __name__ == "__main__":
    main()
