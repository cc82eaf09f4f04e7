# healthy: 30 % of the training labels are wrong (a simulated crowd), label smoothing, one-
#   cycle; the loss stays near 1.5
import argparse
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass(frozen=True)
class Settings:
    noise: float = 0.3
    smoothing: float = 0.1
    epochs: int = 10
    batch: int = 64
    peak: float = 0.1


def crowd(y, share):
    wrong = torch.rand(len(y)) < share
    return torch.where(wrong, (y + torch.randint(1, 10, y.shape)) % 10, y)


def build():
    return nn.Sequential(
        nn.Linear(64, 64),
        nn.BatchNorm1d(64),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(64, 10),
    )


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    torch.set_num_threads(1)
    cfg = Settings()
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32) / 8 - 1, torch.tensor(y)
    order = torch.randperm(len(x))
    tr, va = order[:1400], order[1400:]
    loader = DataLoader(TensorDataset(x[tr], crowd(y[tr], cfg.noise)), cfg.batch, shuffle=True)
    model = build()
    crit = nn.CrossEntropyLoss(label_smoothing=cfg.smoothing)
    opt = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-3)
    steps = cfg.epochs * len(loader)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, cfg.peak, total_steps=steps)
    for epoch in range(cfg.epochs):
        model.train()
        tot = 0.0
        for xb, yb in loader:
            opt.zero_grad()
            loss = crit(model(xb), yb)
            loss.backward()
            opt.step()
            sched.step()
            tot += loss.item()
        model.eval()
        with torch.no_grad():
            out = model(x[va])
        acc = (out.argmax(1) == y[va]).float().mean().item()
        clean = nn.functional.cross_entropy(out, y[va]).item()
        print(f"{epoch} train {tot / len(loader):.3f} clean val {clean:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
