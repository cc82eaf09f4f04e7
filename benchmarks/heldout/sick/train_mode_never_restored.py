# expect: training-in-eval-mode
# note: train() is called once before the loop and eval() in every validation, so from epoch 2
#   dropout is off in training
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer


class TabularNet(nn.Module):
    def __init__(self, n_in, width=128, p=0.5):
        super().__init__()
        self.inp = nn.Linear(n_in, width)
        self.bn = nn.BatchNorm1d(width)
        self.mid = nn.Linear(width, width)
        self.out = nn.Linear(width, 2)
        self.drop = nn.Dropout(p)

    def forward(self, x):
        x = self.drop(F.relu(self.bn(self.inp(x))))
        x = self.drop(F.relu(self.mid(x)))
        return self.out(x)


def validate(model, x, y):
    model.eval()  # fault
    with torch.no_grad():
        logits = model(x)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def run(seed):
    torch.manual_seed(seed)
    bunch = load_breast_cancer()
    x = torch.tensor(bunch.data, dtype=torch.float32)
    y = torch.tensor(bunch.target)
    keep = torch.randperm(len(x))
    tr, va = keep[:300], keep[300:]
    x = (x - x[tr].mean(0)) / x[tr].std(0)

    model = TabularNet(x.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    model.train()  # fault
    for epoch in range(30):
        loss_sum = 0.0
        batches = tr[torch.randperm(len(tr))].split(30)
        for b in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[b]), y[b])
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
        val_loss, val_acc = validate(model, x[va], y[va])
        print(f"{epoch:02d} {loss_sum / len(batches):.4f} val={val_loss:.4f} acc={val_acc:.3f}")


if __name__ == "__main__":
    argp = argparse.ArgumentParser()
    argp.add_argument("--seed", type=int, default=0)
    run(argp.parse_args().seed)
