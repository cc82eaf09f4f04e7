# healthy: LBFGS with a closure, full batch, tens of backward passes within one step; no batches, no shuffling
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

X, y = load_breast_cancer(return_X_y=True)
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.3, random_state=args.seed)
mu, sd = Xtr.mean(0), Xtr.std(0)
Xtr = torch.tensor((Xtr - mu) / sd, dtype=torch.float32)
Xte = torch.tensor((Xte - mu) / sd, dtype=torch.float32)
ytr = torch.tensor(ytr, dtype=torch.float32)
yte = torch.tensor(yte, dtype=torch.float32)

model = nn.Sequential(nn.Linear(30, 6), nn.Tanh(), nn.Linear(6, 1), nn.Flatten(0))
bce = nn.BCEWithLogitsLoss()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=6, history_size=8)
l2 = 1e-2


def closure():
    optimizer.zero_grad()
    penalty = sum((w**2).sum() for w in model.parameters() if w.dim() > 1)
    loss = bce(model(Xtr), ytr) + l2 * penalty
    loss.backward()
    return loss


for it in range(20):
    loss = optimizer.step(closure)
    with torch.no_grad():
        z = model(Xte)
        acc = ((z > 0) == (yte > 0.5)).float().mean().item()
        print(f"iter {it + 1:2d}: loss {loss.item():.4f} test {bce(z, yte):.4f}  acc {acc:.4f}")
