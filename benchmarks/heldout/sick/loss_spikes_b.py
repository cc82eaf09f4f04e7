# expect: loss-spikes
# accept: outlier-samples, corrupt-samples, unscaled-input, exploding-gradient, constant-feature
# note: every window is divided by its own standard deviation; in a few windows the sensor was off and
#   the division by almost nothing makes inputs of hundreds of thousands, each a spike in the loss
import argparse

import torch
import torch.nn.functional as F
from torch import nn


def accelerometer(n, length=48):
    """Windows of standing, walking and running; sometimes the sensor drops out."""
    label = torch.randint(3, (n,))
    t = torch.arange(length) / 16
    pace = torch.tensor([0.3, 1.0, 2.2])[label] * (1 + 0.15 * torch.randn(n))
    wave = torch.sin(6.283 * (pace[:, None] * t + torch.rand(n, 1)))
    strength = torch.rand(n, 1) + 0.5
    signal = strength * (wave + 0.4 * wave**3) + 0.25 * torch.randn(n, length)
    return signal, label


def drop_out(signal, share=0.004):
    off = torch.rand(len(signal)) < share
    signal[off] = 1e-6 * torch.randn(int(off.sum()), signal.shape[1])
    signal[off, -1] += 1.0
    return signal


def normalise(signal):
    calm = signal[:, : signal.shape[1] // 2]
    mean, std = calm.mean(1, keepdim=True), calm.std(1, keepdim=True)
    return ((signal - mean) / (std + 1e-8)).unsqueeze(1)  # fault


class ActivityNet(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.conv1 = nn.Conv1d(1, channels, 7, stride=2, padding=3)
        self.conv2 = nn.Conv1d(channels, channels, 5, stride=2, padding=2)
        self.head = nn.Linear(channels, 3)

    def forward(self, x):
        x = F.silu(self.conv1(x))
        x = F.silu(self.conv2(x))
        return self.head(x.mean(-1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    signal, y = accelerometer(1800)
    x = normalise(drop_out(signal))
    signal_val, y_val = accelerometer(450)
    x_val = normalise(signal_val)
    net = ActivityNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(args.epochs):
        net.train()
        losses = []
        for rows in torch.randperm(len(x)).split(36):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            acc = (net(x_val).argmax(1) == y_val).float().mean().item()
        middle, top = sorted(losses)[len(losses) // 2], max(losses)
        print(f"epoch {epoch} loss median {middle:.3f} max {top:.3f} val accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
