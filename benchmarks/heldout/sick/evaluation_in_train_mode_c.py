# expect: evaluation-in-train-mode
# note: validation runs under no_grad only; dropout and batch norm stay in training mode
import argparse

import numpy as np
import torch
import torch.nn as nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
args = ap.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

# four kinds of vibration signal, 128 samples each
N, T = 1600, 128
labels = rng.integers(0, 4, N)
time = np.arange(T) / T
signals = np.zeros((N, 1, T), dtype=np.float32)
for i, c in enumerate(labels):
    phase = rng.uniform(0, 2 * np.pi)
    f = rng.uniform(4, 8)
    if c == 0:
        s = np.sin(2 * np.pi * f * time + phase)
    elif c == 1:
        s = np.sign(np.sin(2 * np.pi * f * time + phase))
    elif c == 2:
        s = 2 * ((f * time + phase) % 1) - 1
    else:
        s = np.sin(2 * np.pi * (f + 10 * time) * time + phase)
    signals[i, 0] = s + 0.5 * rng.standard_normal(T)

x = torch.from_numpy(signals)
y = torch.from_numpy(labels)
x_train, y_train, x_val, y_val = x[:1280], y[:1280], x[1280:], y[1280:]

model = nn.Sequential(
    nn.Conv1d(1, 16, 7, stride=2, padding=3),
    nn.BatchNorm1d(16),
    nn.ReLU(),
    nn.Conv1d(16, 32, 5, stride=2, padding=2),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.AdaptiveAvgPool1d(4),
    nn.Flatten(),
    nn.Dropout(0.5),
    nn.Linear(128, 64),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(64, 4),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

batch_size = 32
model.train()
for epoch in range(12):
    order = torch.randperm(len(x_train))
    epoch_loss = 0.0
    for i in range(0, len(order), batch_size):
        idx = order[i : i + batch_size]
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(idx)

    hits, val_loss = 0, 0.0
    with torch.no_grad():  # fault
        for i in range(0, len(x_val), batch_size):
            xb, yb = x_val[i : i + batch_size], y_val[i : i + batch_size]
            out = model(xb)  # fault
            val_loss += criterion(out, yb).item() * len(xb)
            hits += (out.argmax(1) == yb).sum().item()
    print(
        f"[{epoch + 1}] train loss {epoch_loss / len(x_train):.3f} "
        f"val loss {val_loss / len(x_val):.3f} val acc {hits / len(x_val):.3f}"
    )
