# healthy: five-fold cross-validation on 120 wines, strong dropout and decay, a fresh net and
#   optimizer in every fold
import argparse

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch import nn


def new_model():
    return nn.Sequential(
        nn.Dropout(0.2), nn.Linear(13, 24), nn.ReLU(), nn.Dropout(0.5), nn.Linear(24, 3)
    )


def train_fold(x, y, xv, yv, epochs=30):
    model = new_model()
    opt = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.1)
    crit = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        for idx in torch.randperm(len(x)).split(24):
            opt.zero_grad()
            loss = crit(model(x[idx]), y[idx])
            loss.backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            out = model(xv)
            val = crit(out, yv).item()
            acc = (out.argmax(1) == yv).float().mean().item()
        if epoch % 10 == 9:
            print(f"  epoch {epoch + 1} train {loss.item():.3f} val {val:.3f} acc {acc:.3f}")
    return acc


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    x, y = load_wine(return_X_y=True)
    keep = np.random.default_rng(seed).permutation(len(x))[:120]
    x, y = x[keep], y[keep]
    scores = []
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    for k, (tr, va) in enumerate(folds.split(x, y)):
        sc = StandardScaler().fit(x[tr])
        a, b = (torch.tensor(sc.transform(x[i]), dtype=torch.float32) for i in (tr, va))
        scores.append(train_fold(a, torch.tensor(y[tr]), b, torch.tensor(y[va])))
        print(f"fold {k}: {scores[-1]:.3f}")
    print(f"accuracy {np.mean(scores):.3f} +- {np.std(scores):.3f}")
