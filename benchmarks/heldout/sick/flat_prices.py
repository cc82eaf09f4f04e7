# expect: unscaled-input
# accept: uncentred-input, saturated-activation
# note: square metres, years and dollars enter the net raw; the tanh units saturate and the
#   loss hardly falls
import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
rng = np.random.default_rng(args.seed)

# flats: does the asking price lie above the district's usual price per square metre?
n = 2000
area = rng.uniform(25, 160, n)
year = rng.integers(1900, 2022, n)
income = rng.lognormal(10.6, 0.4, n)
floor = rng.integers(0, 12, n)
dist = rng.exponential(4000, n)
score = (
    0.9 * (year - 1960) / 35
    + 1.2 * (np.log(income) - 10.6) / 0.4
    - 1.0 * (dist - 4000) / 4000
    + 0.5 * (floor - 6) / 3.5
    - 0.6 * (area - 90) / 38
)
label = (score + 0.4 * rng.normal(size=n) > 0).astype("float32")
table = np.column_stack([area, year, income, floor, dist]).astype("float32")

X = torch.from_numpy(table)  # fault
y = torch.from_numpy(label)
X_train, y_train, X_val, y_val = X[:1600], y[:1600], X[1600:], y[1600:]

model = nn.Sequential(
    nn.Linear(5, 32),
    nn.Tanh(),
    nn.Linear(32, 32),
    nn.Tanh(),
    nn.Linear(32, 1),
)
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)

for epoch in range(12):
    model.train()
    order = torch.randperm(len(X_train))
    losses = []
    for start in range(0, len(order), 50):
        rows = order[start : start + 50]
        logits = model(X_train[rows]).squeeze(1)  # fault
        loss = loss_fn(logits, y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        out = model(X_val).squeeze(1)
        acc = ((out > 0) == (y_val > 0.5)).float().mean().item()
    print(f"epoch {epoch:2d} loss {np.mean(losses):.4f} val acc {acc:.3f}")
