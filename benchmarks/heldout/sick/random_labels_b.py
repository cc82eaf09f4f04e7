# expect: random-labels
# note: scans are read in the order of their names (scan_1, scan_10, scan_100), labels by number
import argparse

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn, optim


def archive(rng):
    """Measurements by file name, and the list of diagnoses in the order they were taken."""
    data = load_breast_cancer()
    order = rng.permutation(len(data.target))
    scans = {f"scan_{k}": data.data[i] for k, i in enumerate(order)}
    return scans, data.target[order]


def load(rng):
    scans, diagnoses = archive(rng)
    names = sorted(scans)  # fault
    x = np.stack([scans[name] for name in names])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    x = torch.tensor(x, dtype=torch.float32)
    y = torch.tensor(diagnoses, dtype=torch.float32)
    pick = torch.from_numpy(rng.permutation(len(y)))
    return x[pick], y[pick]


class Diagnosis(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(30, 16)
        self.fc2 = nn.Linear(16, 1)
        self.act = nn.Hardswish()

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))[:, 0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    x, y = load(np.random.default_rng(seed))
    x_train, y_train, x_val, y_val = x[:430], y[:430], x[430:], y[430:]
    model = Diagnosis()
    bce = nn.BCEWithLogitsLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.3)
    for epoch in range(20):
        losses = []
        for rows in torch.randperm(430).split(43):
            loss = bce(model(x_train[rows]), y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        with torch.no_grad():
            logits = model(x_val)
            val_loss = bce(logits, y_val).item()
            val_acc = ((logits > 0) == (y_val > 0.5)).float().mean().item()
        print(f"{epoch:2d} train {np.mean(losses):.4f} val {val_loss:.4f} acc {val_acc:.3f}")


if __name__ == "__main__":
    main()
