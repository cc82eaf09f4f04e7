# healthy: 8 % positives, weighted loss, balanced accuracy as the metric; the initial loss and the
#   predicted share look odd but are right
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split


def get_data(seed):
    x, y = make_classification(
        n_samples=2500, n_features=16, n_informative=8, n_redundant=2, weights=[0.92],
        class_sep=1.8, flip_y=0.0, n_clusters_per_class=1, random_state=seed + 5,
    )
    xt, xv, yt, yv = train_test_split(x, y, test_size=0.25, stratify=y, random_state=seed)
    mu, sd = xt.mean(0), xt.std(0)
    f = lambda a: torch.tensor((a - mu) / sd, dtype=torch.float32)  # noqa: E731
    return f(xt), torch.tensor(yt).float(), f(xv), yv


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    xt, yt, xv, yv = get_data(args.seed)
    pos_weight = (len(yt) - yt.sum()) / yt.sum()
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 1))
    criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(12):
        model.train()
        losses = []
        for idx in torch.randperm(len(xt)).split(64):
            loss = criterion(model(xt[idx]).squeeze(1), yt[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            guess = (model(xv).squeeze(1) > 0).long().numpy()
        bal = balanced_accuracy_score(yv, guess)
        print(f"epoch {epoch + 1} loss {np.mean(losses):.4f} bal {bal:.3f} pos {guess.mean():.3f}")


if __name__ == "__main__":
    main()
