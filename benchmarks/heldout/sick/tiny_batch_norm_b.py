# expect: tiny-batch-norm
# note: gradients are gathered over 8 pieces of 4 samples, but batch norm only ever sees 4 at a time
import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--pieces", type=int, default=8)  # fault
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
rng = np.random.default_rng(args.seed)


def gestures(n):
    """Hand paths in the plane: circle, eight, zigzag, spiral; 32 points each."""
    t = np.linspace(0, 1, 32)
    label = rng.integers(0, 4, n)
    start = rng.uniform(0, 2 * np.pi, (n, 1))
    turn = 2 * np.pi * t + start
    xs = np.stack([np.cos(turn), np.sin(turn), 2 * t - 1 + 0 * turn, t * np.cos(2 * turn)])
    zigzag = 2 * np.abs((4 * t + start) % 2 - 1) - 1
    ys = np.stack([np.sin(turn), np.sin(2 * turn), zigzag, t * np.sin(2 * turn)])
    pick = (label, np.arange(n))
    path = np.stack([xs[pick], ys[pick]], axis=1)
    angle = rng.uniform(0, 2 * np.pi, n)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    path = np.einsum("ijn,njt->nit", rotation, path) + rng.normal(0, 0.35, path.shape)
    return torch.tensor(path / 0.7, dtype=torch.float32), torch.tensor(label)


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(2, 24, 5, stride=2), nn.ReLU(), nn.Conv1d(24, 32, 5, stride=2), nn.ReLU()
        )
        self.mlp = nn.Sequential(
            nn.Linear(32 * 5, 48, bias=False),
            nn.BatchNorm1d(48),  # fault
            nn.ReLU(),
            nn.Linear(48, 32, bias=False),
            nn.BatchNorm1d(32),  # fault
            nn.ReLU(),
            nn.Linear(32, 4),
        )

    def forward(self, x):
        return self.mlp(self.conv(x).flatten(1))


x, y = gestures(1280)
x_val, y_val = gestures(400)
model = GestureNet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(8):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(x)).split(args.batch):
        optimizer.zero_grad()
        for piece in rows.chunk(args.pieces):
            loss = loss_fn(model(x[piece]), y[piece]) * len(piece) / len(rows)
            loss.backward()
            total += loss.item() * len(rows) / len(x)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
    val = loss_fn(out, y_val).item()
    acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch}: train {total:.4f} val {val:.4f} acc {acc:.4f}")
