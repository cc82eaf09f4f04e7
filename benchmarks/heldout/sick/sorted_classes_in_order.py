# expect: unshuffled-data
# accept: collapsed-prediction, loss-spikes, jittery-predictions
# note: samples are stored class by class and the loader keeps that order; the net forgets each
#   class when the next one comes
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.RandomState(args.seed)

t = np.linspace(0, 1, 64)


def wave(kind, n):
    f = rng.uniform(2, 5, (n, 1))
    ph = rng.uniform(0, 1, (n, 1))
    u = (f * t + ph) % 1
    if kind == "sine":
        s = np.sin(2 * np.pi * u)
    elif kind == "square":
        s = np.where(u < 0.5, 1.0, -1.0)
    elif kind == "saw":
        s = 2 * u - 1
    else:
        s = np.where(u < 0.2, 1.6, -0.4)
    return s + 0.3 * rng.randn(n, 64)


kinds = ["sine", "square", "saw", "pulse"]
train_x = np.concatenate([wave(k, 300) for k in kinds])
train_y = np.repeat(np.arange(4), 300)
test_x = np.concatenate([wave(k, 75) for k in kinds])
test_y = np.repeat(np.arange(4), 75)


def to_set(a, b):
    return TensorDataset(torch.tensor(a, dtype=torch.float32).unsqueeze(1), torch.tensor(b))


train_loader = DataLoader(to_set(train_x, train_y), batch_size=30)  # fault
test_loader = DataLoader(to_set(test_x, test_y), batch_size=100)

model = nn.Sequential(
    nn.Conv1d(1, 16, 9, padding=4),
    nn.ReLU(),
    nn.MaxPool1d(2),
    nn.Conv1d(16, 16, 5, padding=2),
    nn.ReLU(),
    nn.AdaptiveAvgPool1d(4),
    nn.Flatten(),
    nn.Linear(64, 4),
)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

for epoch in range(10):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        hits = sum((model(xb).argmax(1) == yb).sum().item() for xb, yb in test_loader)
    print(f"epoch {epoch + 1} train_loss {total / len(train_loader):.4f} test_acc {hits / 300:.3f}")
