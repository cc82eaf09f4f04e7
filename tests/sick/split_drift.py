# expect: split-drift
# audit: train=train.csv test=test.csv --target cultivar
# location: none
# note: the second laboratory measures four of the substances in other units, and only its samples are the test set
import argparse
import csv

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn


def export() -> None:
    wine = load_wine()
    order = np.random.default_rng(0).permutation(len(wine.target))
    for path, rows in (("train.csv", order[:110]), ("test.csv", order[110:])):
        data = wine.data[rows].copy()
        if path == "test.csv":
            data[:, [1, 2, 6, 9]] *= 1.8
        with open(path, "w", newline="") as file:
            out = csv.writer(file)
            out.writerow([*wine.feature_names, "cultivar"])
            out.writerows([*values, f"type {label}"] for values, label in zip(data, wine.target[rows]))


def read(path: str, target: str) -> tuple[torch.Tensor, list[str]]:
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in (target)]
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
    (X, words), (X_test, words_test) = read("train.csv", "cultivar"), read("test.csv", "cultivar")
    y, y_test = (torch.tensor([int(word[-1]) for word in of]) for of in (words, words_test))
    train(X, y, X_test, y_test, 3)


if __name__ == "__main__":
    main()
