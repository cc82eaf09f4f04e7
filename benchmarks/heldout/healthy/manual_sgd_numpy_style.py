# healthy: weights as bare tensors with hand-written SGD and p.grad.zero_() after the update; no
#   Module, no optimizer, no zero_grad call
import argparse

import torch
from sklearn.datasets import load_diabetes

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
g = torch.Generator().manual_seed(args.seed)

X, y = load_diabetes(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
p = torch.randperm(len(X), generator=g)
X, y = X[p], y[p]
Xtr, Xva, ytr, yva = X[:340], X[340:], y[:340], y[340:]
mx, sx, my, sy = Xtr.mean(0), Xtr.std(0), ytr.mean(), ytr.std()
Xtr, Xva = (Xtr - mx) / sx, (Xva - mx) / sx
ytr, yva = (ytr - my) / sy, (yva - my) / sy

W1 = torch.randn(10, 20, generator=g) * (2 / 10) ** 0.5
b1 = torch.zeros(20)
W2 = torch.randn(20, 1, generator=g) * (1 / 20) ** 0.5
b2 = torch.zeros(1)
params = [W1, b1, W2, b2]
for w in params:
    w.requires_grad_()


def forward(x):
    return (x @ W1 + b1).clamp(min=0) @ W2 + b2


def mse(a, b):
    return ((a - b) ** 2).mean()


lr = 0.01
for epoch in range(30):
    order = torch.randperm(340, generator=g)
    total = 0.0
    for start in range(0, 340, 20):
        rows = order[start : start + 20]
        loss = mse(forward(Xtr[rows]), ytr[rows])
        loss.backward()
        with torch.no_grad():
            for w in params:
                w -= lr * w.grad
                w.grad.zero_()
        total += loss.item()
    if (epoch + 1) % 3 == 0:
        with torch.no_grad():
            v = mse(forward(Xva), yva).item()
        print(f"{epoch + 1} train {total / 17:.4f} val {v:.4f} R2 {1 - v / yva.var().item():.3f}")
