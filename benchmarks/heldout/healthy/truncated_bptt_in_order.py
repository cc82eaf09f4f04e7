# healthy: one long signal read in order without shuffling, hidden state carried over batches and
#   detached (truncated BPTT)
import argparse

import numpy as np
import torch
from torch import nn


def signal(n, rng):
    t = np.arange(n)
    s = np.sin(2 * np.pi * t / 23) + 0.6 * np.sin(2 * np.pi * t / 7 + 1) + 0.15 * rng.normal(size=n)
    return torch.tensor(s / s.std(), dtype=torch.float32)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.GRU(1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x, h=None):
        out, h = self.rnn(x, h)
        return self.fc(out), h


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    streams, span = 8, 20
    train = torch.stack([signal(601, rng) for _ in range(streams)]).unsqueeze(-1)
    val = signal(400, rng).view(1, -1, 1)

    net = Forecaster()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    mse = nn.MSELoss()
    for epoch in range(8):
        net.train()
        state, losses = None, []
        for s in range(0, 600, span):
            x, y = train[:, s : s + span], train[:, s + 1 : s + span + 1]
            if state is not None:
                state = state.detach()
            pred, state = net(x, state)
            loss = mse(pred, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            pred, _ = net(val[:, :-1])
            v = mse(pred, val[:, 1:]).item()
            naive = mse(val[:, :-1], val[:, 1:]).item()
        print(f"epoch {epoch + 1} train {np.mean(losses):.4f} val {v:.4f} naive {naive:.4f}")


if __name__ == "__main__":
    main()
