# healthy: gradients of several micro batches are summed, not averaged, before each step; with
# Adam (scale invariant) the size of the gradient does not matter
import argparse
import random

import numpy as np
import torch
from torch import nn, optim

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--micro_batch", type=int, default=16)
parser.add_argument("--iter_size", type=int, default=4, help="micro batches per update")
parser.add_argument("--updates", type=int, default=300)
cfg = parser.parse_args()

random.seed(cfg.seed)
np.random.seed(cfg.seed)
torch.manual_seed(cfg.seed)
torch.set_num_threads(1)


def spirals(n):
    """Three interleaved spiral arms."""
    label = np.random.randint(0, 3, n)
    radius = np.random.rand(n)
    theta = 4.0 * radius + label * 2 * np.pi / 3 + 0.15 * np.random.randn(n)
    xy = 1.7 * radius[:, None] * np.stack([np.cos(theta), np.sin(theta)], axis=1)
    return torch.tensor(xy, dtype=torch.float32), torch.tensor(label)


class Net(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.inp = nn.Linear(2, width)
        self.mid = nn.Linear(width, width)
        self.out = nn.Linear(width, 3)

    def forward(self, x):
        x = torch.tanh(self.inp(x))
        x = torch.tanh(self.mid(x))
        return self.out(x)


x_train, y_train = spirals(3000)
x_valid, y_valid = spirals(600)
net = Net()
optimizer = optim.Adam(net.parameters(), lr=0.005)
criterion = nn.CrossEntropyLoss()


def micro_batches():
    while True:
        order = torch.randperm(len(x_train))
        for idx in order.split(cfg.micro_batch):
            if len(idx) == cfg.micro_batch:
                yield x_train[idx], y_train[idx]


stream = micro_batches()
history = []
for update in range(1, cfg.updates + 1):
    optimizer.zero_grad()
    batch_losses = []
    for _ in range(cfg.iter_size):
        xb, yb = next(stream)
        loss = criterion(net(xb), yb)
        loss.backward()
        batch_losses.append(loss.item())
    optimizer.step()
    history.append(np.mean(batch_losses))

    if update % 50 == 0:
        with torch.no_grad():
            logits = net(x_valid)
            valid_loss = criterion(logits, y_valid).item()
            acc = (logits.argmax(1) == y_valid).float().mean().item()
        print(f"{update:4d} train {np.mean(history[-20:]):.4f} val {valid_loss:.4f} acc {acc:.3f}")
