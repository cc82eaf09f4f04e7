# healthy: hyper-parameter sweep by three-fold cross-validation, then an average of the winning
# folds; many models are made and thrown away, each row is validation in one fold, early stopping
# puts the best weights back
import argparse
import copy
import itertools

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


def build(width, drop):
    return nn.Sequential(
        nn.Linear(30, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Dropout(drop),
        nn.Linear(width, 1),
    )


def batches(n, size):
    order = torch.randperm(n)
    return order[: n // size * size].view(-1, size)


def fit(x, y, xv, yv, width, drop, lr, epochs=18, patience=4):
    model = build(width, drop)
    opt = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=1e-4)
    bce = nn.BCEWithLogitsLoss()
    best, best_state, wait = float("inf"), None, 0
    for _ in range(epochs):
        model.train()
        for idx in batches(len(x), 32):
            loss = bce(model(x[idx]).squeeze(1), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            v = bce(model(xv).squeeze(1), yv).item()
        if v < best - 1e-4:
            best, best_state, wait = v, copy.deepcopy(model.state_dict()), 0
        else:
            wait += 1
            if wait == patience:
                break
    model.load_state_dict(best_state)
    return model, best


def prepare(rows, *others):
    scaler = StandardScaler().fit(rows)
    return [torch.tensor(scaler.transform(a), dtype=torch.float32) for a in (rows, *others)]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    data, target = load_breast_cancer(return_X_y=True)
    X, Xt, y, yt = train_test_split(
        data, target.astype(np.float32), test_size=0.25, random_state=seed, stratify=target
    )
    y, yt = torch.tensor(y), torch.tensor(yt)
    folds = list(StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y))
    results = {}
    for width, lr in itertools.product([8, 32], [3e-3, 1e-2]):
        scores, logits = [], []
        for tr, va in folds:
            x, xv, xt = prepare(X[tr], X[va], Xt)
            model, best = fit(x, y[tr], xv, y[va], width, 0.3, lr)
            model.eval()
            scores.append(best)
            with torch.no_grad():
                logits.append(model(xt).squeeze(1))
        results[width, lr] = np.mean(scores), torch.stack(logits).mean(0)
        print(f"width {width:2d} lr {lr:g} loss {np.mean(scores):.4f} +- {np.std(scores):.4f}")
    width, lr = min(results, key=lambda k: results[k][0])
    acc = ((results[width, lr][1] > 0).float() == yt).float().mean()
    print(f"chosen width {width} lr {lr:g}: test accuracy {acc:.3f} (majority {yt.mean():.3f})")


if __name__ == "__main__":
    main()
