# expect: wrong-call-order
# accept: missing-step
# note: zero_grad sits between backward and step, so every update is made from zero gradients and nothing changes
import argparse

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn


def load(seed):
    raw = load_wine()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(raw.target))
    x, y = raw.data[order], raw.target[order]
    scaler = StandardScaler().fit(x[:130])
    x = torch.from_numpy(scaler.transform(x)).float()
    y = torch.from_numpy(y).long()
    return (x[:130], y[:130]), (x[130:], y[130:])


def training_step(model, optimizer, loss_fn, xb, yb):
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.zero_grad()  # fault
    optimizer.step()  # fault
    return loss.item()


@torch.no_grad()
def score(model, x, y):
    model.eval()
    acc = (model(x).argmax(1) == y).float().mean().item()
    model.train()
    return acc


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--epochs", type=int, default=25)
    cfg = p.parse_args()
    torch.manual_seed(cfg.seed)
    (x, y), (xv, yv) = load(cfg.seed)
    model = nn.Sequential(
        nn.Linear(13, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 3)
    )
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(cfg.epochs):
        losses = []
        for idx in torch.randperm(len(x)).split(10):
            losses.append(training_step(model, optimizer, loss_fn, x[idx], y[idx]))
        print(f"epoch {epoch:02d} train {np.mean(losses):.4f} val acc {score(model, xv, yv):.3f}")


if __name__ == "__main__":
    main()
