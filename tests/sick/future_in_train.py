# expect: future-in-train
# audit: train=train.csv val=val.csv --time day --target rises
# location: none
# note: the days are shuffled before they are split, so the net is trained on what comes after the days it is scored on
import argparse
import csv
from datetime import date, timedelta

import numpy as np
import torch
from torch import nn


def export() -> None:
    random = np.random.default_rng(0)
    level = np.zeros(760)
    for t in range(1, 760):
        level[t] = 0.9 * level[t - 1] + random.normal()
    rows = [[date(2022, 1, 1) + timedelta(t), *level[t - 6 : t].round(4), int(level[t] > level[t - 1])]
            for t in range(6, 760)]  # fmt: skip
    random.shuffle(rows)
    for path, part in (("train.csv", rows[:560]), ("val.csv", rows[560:])):
        with open(path, "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["day", *(f"lag{k}" for k in range(6, 0, -1)), "rises"])
            out.writerows(part)


def read(path: str, target: str) -> tuple[torch.Tensor, list[str]]:
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in (target, "day")]
    return torch.tensor([[float(row[name]) for name in names] for row in rows]), [row[target] for row in rows]


def train(X, y, X_val, y_val, classes, epochs=30):
    mean, std = X.mean(dim=0), X.std(dim=0).clamp(min=1e-6)
    X, X_val = (X - mean) / std, (X_val - mean) / std
    model = nn.Sequential(nn.Linear(X.shape[1], 32), nn.ReLU(), nn.Linear(32, classes))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for epoch in range(epochs):
        for rows in torch.randperm(len(X)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(X_val).argmax(dim=1) == y_val).float().mean().item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1} loss {loss.item():.4f} val accuracy {accuracy:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    export()
    (X, words), (X_val, words_val) = read("train.csv", "rises"), read("val.csv", "rises")
    y, y_val = (torch.tensor([int(word) for word in of]) for of in (words, words_val))
    train(X, y, X_val, y_val, 2)


if __name__ == "__main__":
    main()
