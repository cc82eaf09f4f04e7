# expect: uncentred-input
# note: the sensor's resting voltage of 2.5 V stays in the signal: mean 2.5, deviation about 0.3
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

RATE = 100
KINDS = ("calm", "burst", "drift", "ripple")


def record(kind, rng):
    t = np.arange(64) / RATE
    wave = rng.normal(0, 0.1, 64)
    if kind == "burst":
        wave += 1.0 * np.exp(-(((t - rng.uniform(0.15, 0.5)) / 0.04) ** 2))
    elif kind == "drift":
        wave += rng.uniform(0.8, 1.4) * (t - t.mean())
    elif kind == "ripple":
        wave += 0.4 * np.sin(2 * np.pi * rng.uniform(8, 14) * t + rng.uniform(0, 6.28))
    volts = 2.5 + wave  # fault
    return volts.astype(np.float32)


def dataset(n, rng):
    y = rng.integers(0, len(KINDS), n)
    x = np.stack([record(KINDS[k], rng) for k in y])
    return torch.from_numpy(x).unsqueeze(1), torch.from_numpy(y)  # fault


class SignalNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 16, 7, stride=2)
        self.conv2 = nn.Conv1d(16, 24, 5, stride=2)
        self.conv3 = nn.Conv1d(24, 32, 3)
        self.fc = nn.Linear(32, len(KINDS))

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.leaky_relu(conv(x), 0.1)
        return self.fc(x.mean(dim=2))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = dataset(1600, rng)
    xv, yv = dataset(400, rng)
    net = SignalNet()
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    for epoch in range(1, 13):
        order = torch.randperm(len(x))
        losses = []
        for i in range(0, len(x), 40):
            rows = order[i : i + 40]
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        with torch.no_grad():
            out = net(xv)
        val = F.cross_entropy(out, yv).item()
        acc = (out.argmax(1) == yv).float().mean().item()
        print(f"{epoch:02d} loss={np.mean(losses):.4f} val={val:.4f} acc={acc:.3f}")


if __name__ == "__main__":
    main()
