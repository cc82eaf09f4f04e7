# expect: stale-optimizer
# accept: parameters-not-in-optimizer
# note: in the cross-validation a fresh model is built for every fold but the optimizer is made
#       once, before the loop, for a model that is no longer used; no fold learns anything
# mend: optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)  # fault\n    results -> results
# mend: model = make_model()\n    results -> results
# mend: make_model()  # fault -> make_model()\n        optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
import argparse

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from torch import nn


def make_model():
    return nn.Sequential(
        nn.Linear(30, 24),
        nn.LeakyReLU(0.05),
        nn.Linear(24, 12),
        nn.LeakyReLU(0.05),
        nn.Linear(12, 1),
    )


def batches(x, y, size):
    order = torch.randperm(len(x))
    for start in range(0, len(x), size):
        pick = order[start : start + size]
        yield x[pick], y[pick]


def score(model, x, y):
    model.eval()
    with torch.no_grad():
        return ((model(x).squeeze(1) > 0) == (y > 0.5)).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    features, target = load_breast_cancer(return_X_y=True)
    loss_fn = nn.BCEWithLogitsLoss()
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)  # fault
    results = []

    splitter = StratifiedKFold(args.folds, shuffle=True, random_state=args.seed)
    for fold, (train_idx, val_idx) in enumerate(splitter.split(features, target)):
        mean, std = features[train_idx].mean(0), features[train_idx].std(0)
        x = torch.tensor((features - mean) / std, dtype=torch.float32)
        y = torch.tensor(target, dtype=torch.float32)
        model = make_model()  # fault
        for epoch in range(args.epochs):
            model.train()
            losses = []
            for xb, yb in batches(x[train_idx], y[train_idx], 32):
                optimizer.zero_grad()
                loss = loss_fn(model(xb).squeeze(1), yb)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            if epoch % 4 == 3:
                acc = score(model, x[val_idx], y[val_idx])
                print(f"fold {fold} epoch {epoch + 1} loss {np.mean(losses):.4f} acc {acc:.4f}")
        results.append(score(model, x[val_idx], y[val_idx]))
    print(f"cross-validated accuracy {np.mean(results):.4f} +- {np.std(results):.4f}")


if __name__ == "__main__":
    main()
